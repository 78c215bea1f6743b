// metrics.jsonl: one JSON object a line, appended as the run goes on.

import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { fileError } from '../data/source.js'

/**
 * A line of metrics.jsonl, the record of a run. Beside `kind` and `seconds` it has what happened: a `step` its loss, rates and
 * gradient norms, an `evaluation` its scores, `start` the whole configuration.
 *
 * @category The command line as functions
 */
export interface MetricsLine extends Readonly<Record<string, unknown>> {
  /** What happened. */
  kind: 'start' | 'resume' | 'step' | 'evaluation' | 'end'
  /** Since the start of the run. */
  seconds: number
}

/** Told of each line once it is written. */
export type OnMetrics = (line: MetricsLine) => void

export class MetricsLog {
  private readonly started: number
  private readonly file: number

  /** `after`: goes on with the log of a run that was stopped, from where it was then. What came after that is cut off. */
  constructor(
    private readonly path: string,
    after: { bytes: number; seconds: number } = { bytes: 0, seconds: 0 },
    private readonly onMetrics: OnMetrics = () => {},
  ) {
    this.started = performance.now() - 1000 * after.seconds
    try {
      this.file = openSync(path, 'a')
      if (this.bytes > after.bytes) ftruncateSync(this.file, after.bytes)
    } catch (error) {
      throw fileError(`cannot write ${path}`, error)
    }
  }

  get bytes(): number {
    return fstatSync(this.file).size
  }

  /** Since the start of the run. */
  get seconds(): number {
    return Number(((performance.now() - this.started) / 1000).toFixed(3))
  }

  write(kind: MetricsLine['kind'], facts: Readonly<Record<string, unknown>>): void {
    const line = { kind, seconds: this.seconds, ...facts }
    try {
      writeSync(this.file, `${JSON.stringify(line)}\n`)
    } catch (error) {
      throw fileError(`cannot write ${this.path}`, error)
    }
    this.onMetrics(line)
  }

  close(): void {
    closeSync(this.file)
  }
}
