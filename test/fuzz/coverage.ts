// Coverage feedback without instrumentation: V8's own block counters of this thread, read through node:inspector.

import { Session } from 'node:inspector'

interface Range {
  startOffset: number
  endOffset: number
  count: number
}
interface Script {
  scriptId: string
  url: string
  functions: { ranges: Range[] }[]
}

/**
 * A feature is a function of lib/ together with how often each of its blocks ran, counts being told apart as 0, 1, 2, some
 * and many: a new feature is a new branch, or a loop that went on for longer.
 */
export class Coverage {
  private readonly session = new Session()

  constructor() {
    this.session.connect()
    this.post('Profiler.enable')
    this.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** The features of what ran since the last call. */
  take(): string[] {
    const features: string[] = []
    const { result } = this.post('Profiler.takePreciseCoverage') as { result: Script[] }
    for (const { scriptId, url, functions } of result) {
      if (!url.includes('/lib/') || url.includes('/node_modules/')) continue
      for (const { ranges } of functions) {
        const counts = ranges.map(({ startOffset, count }) => `${startOffset}:${bucket(count)}`)
        features.push(`${scriptId}/${ranges[0].endOffset}/${counts.join(',')}`)
      }
    }
    return features
  }

  /** Commands of a session on its own thread are answered before post returns. */
  private post(method: string, parameters: object = {}): unknown {
    let answer: unknown
    this.session.post(method, parameters, (error, result) => {
      if (error) throw error
      answer = result
    })
    return answer
  }

  stop(): void {
    this.session.disconnect()
  }
}

function bucket(count: number): number {
  if (count < 3) return count
  return count < 16 ? 3 : 4
}
