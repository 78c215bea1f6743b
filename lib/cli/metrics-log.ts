// metrics.jsonl: one JSON object a line, appended as the run goes on.

import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { fileError } from '../data/source.js'

export class MetricsLog {
  private readonly started: number
  private readonly file: number

  /** `after`: goes on with the log of a run that was stopped, from where it was then. What came after that is cut off. */
  constructor(
    private readonly path: string,
    after: { bytes: number; seconds: number } = { bytes: 0, seconds: 0 },
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

  write(kind: 'start' | 'resume' | 'step' | 'evaluation' | 'end', facts: Readonly<Record<string, unknown>>): void {
    try {
      writeSync(this.file, `${JSON.stringify({ kind, seconds: this.seconds, ...facts })}\n`)
    } catch (error) {
      throw fileError(`cannot write ${this.path}`, error)
    }
  }

  close(): void {
    closeSync(this.file)
  }
}
