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

/** Told of each line, also of one that the disk does not take. */
export type OnMetrics = (line: MetricsLine) => void

/** Bytes of lines that are kept for a disk that may take them later. */
const MOST_WAITING = 2 ** 20

export class MetricsLog {
  private readonly started: number
  private readonly file: number
  /** Lines that the disk did not take: they go before the next one. */
  private waiting: Buffer = Buffer.alloc(0)
  private failing = false

  /** `after`: goes on with the log of a run that was stopped, from where it was then. What came after that is cut off. */
  constructor(
    private readonly path: string,
    after: { bytes: number; seconds: number } = { bytes: 0, seconds: 0 },
    private readonly onMetrics: OnMetrics = () => {},
    /** Told why lines are not on the disk, once until they are: a run goes on without, as without a checkpoint. */
    private readonly warn: (message: string) => void = () => {},
  ) {
    this.started = performance.now() - 1000 * after.seconds
    try {
      this.file = openSync(path, 'a')
      if (this.bytes > after.bytes) ftruncateSync(this.file, after.bytes)
    } catch (error) {
      throw fileError(`cannot write ${path}`, error)
    }
  }

  /** What is on the disk. */
  get bytes(): number {
    return fstatSync(this.file).size
  }

  /** Tries again what the disk did not take. */
  flush(): void {
    if (this.waiting.length) this.append(Buffer.alloc(0))
  }

  /** Since the start of the run. */
  get seconds(): number {
    return Number(((performance.now() - this.started) / 1000).toFixed(3))
  }

  write(kind: MetricsLine['kind'], facts: Readonly<Record<string, unknown>>): void {
    const line = { kind, seconds: this.seconds, ...facts }
    this.append(Buffer.from(`${JSON.stringify(line)}\n`))
    this.onMetrics(line)
  }

  private append(text: Buffer): void {
    const all = Buffer.concat([this.waiting, text])
    const { bytes } = this
    try {
      writeWhole(this.file, all)
      this.waiting = Buffer.alloc(0)
      this.failing = false
    } catch (error) {
      cutBack(this.file, bytes)
      if (all.length <= MOST_WAITING) this.waiting = all
      if (!this.failing)
        this.warn(`${fileError(`cannot write ${this.path}`, error).message}: going on, and trying again`)
      this.failing = true
    }
  }

  close(): void {
    this.flush()
    closeSync(this.file)
  }
}

/** writeSync may write less than it was given. */
function writeWhole(file: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
}

/** No half line stays: what comes next would be a part of it. */
function cutBack(file: number, bytes: number): void {
  try {
    ftruncateSync(file, bytes)
  } catch {
    // a device; or a disk that does nothing any more, and readers of the log pass over a torn line
  }
}
