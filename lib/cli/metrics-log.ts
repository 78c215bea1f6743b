// metrics.jsonl: one JSON object a line, appended as the run goes on.

import { closeSync, openSync, writeSync } from 'node:fs'
import { fileError } from '../data/source.js'

export class MetricsLog {
  private readonly started = performance.now()
  private readonly file: number

  constructor(private readonly path: string) {
    try {
      this.file = openSync(path, 'a')
    } catch (error) {
      throw fileError(`cannot write ${path}`, error)
    }
  }

  /** `seconds` since the start of the run are added. */
  write(kind: 'start' | 'step' | 'evaluation' | 'end', facts: Readonly<Record<string, unknown>>): void {
    const seconds = Number(((performance.now() - this.started) / 1000).toFixed(3))
    try {
      writeSync(this.file, `${JSON.stringify({ kind, seconds, ...facts })}\n`)
    } catch (error) {
      throw fileError(`cannot write ${this.path}`, error)
    }
  }

  close(): void {
    closeSync(this.file)
  }
}
