// When `widehead train` saves, and how: in the background, one checkpoint at a time, never losing the run for one that fails.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Source } from '../data/source.js'
import type { GivenColumns } from '../data/tables/columns.js'
import { MODEL_FILES } from '../files/model.js'
import type { Network } from './network.js'

/** Of --checkpoint-every: steps, or a time. */
export interface Interval {
  steps?: number
  milliseconds?: number
}

export interface DataSize {
  name: string
  bytes: number
}

/** How far a run is: what a checkpoint keeps beside the network. */
export interface Position {
  /** The epoch that is under way, from 1, and how many minibatches of it are done. */
  epoch: number
  batches: number
  examples: number
  /** Since the start of the run; and of them, in training. */
  seconds: number
  trainingSeconds: number
  /** Bytes of metrics.jsonl up to here. */
  logged: number
  /** The training data: a run must not go on with others. */
  data: readonly DataSize[]
  /** What --columns said of them. */
  columns?: GivenColumns
}

export async function dataSizes(sources: readonly Source[]): Promise<DataSize[]> {
  return Promise.all(sources.map(async ({ path, label }) => ({ name: label, bytes: (await stat(path)).size })))
}

export class Checkpoints {
  private readonly folder: string
  private writing: Promise<void> | undefined
  private begun: number
  private lastStep: number
  private lastTime = performance.now()

  constructor(
    out: string,
    private readonly options: { every: Interval; keep?: number },
    /** The step that is on the disk already, 0 for none. */
    private saved: number,
    /** Told why a checkpoint failed that is not the last chance. */
    private readonly warn: (message: string) => void,
  ) {
    this.folder = join(out, MODEL_FILES.checkpoints)
    this.lastStep = saved
    this.begun = saved || -1
  }

  /** The step of the newest checkpoint that is on the disk; 0 if there is none. */
  get newest(): number {
    return this.saved
  }

  isDue(step: number): boolean {
    if (this.writing) return false
    const { steps, milliseconds } = this.options.every
    if (steps !== undefined) return step - this.lastStep >= steps
    return milliseconds !== undefined && performance.now() - this.lastTime >= milliseconds
  }

  /** By the number of steps alone, which all ranks count alike. */
  isDueByStep(step: number): boolean {
    const { steps } = this.options.every
    return steps !== undefined && step - this.lastStep >= steps
  }

  /** Takes the network as it is now and writes it in the background. One that is still being written is waited for. */
  async begin(network: Network, step: number, position: Position): Promise<void> {
    await this.writing
    if (this.begun === step) return
    this.begun = step
    const { trunk, head } = network
    const save = head.save(this.folder, { trunk, facts: { position }, keep: this.options.keep })
    const written = save.then(() => {
      this.saved = step
    })
    this.writing = written
      .catch((error) => {
        this.begun = -1
        this.warn(`no checkpoint at step ${step}, going on: ${(error as Error).message}`)
      })
      .then(() => {
        this.writing = undefined
      })
    this.lastStep = step
    this.lastTime = performance.now()
  }

  /** The last chance: waits until all is on the disk, and fails if it cannot be. */
  async finish(network: Network, step: number, position: Position): Promise<void> {
    await this.writing
    if (this.saved === step && step > 0) return
    await network.head.save(this.folder, { trunk: network.trunk, facts: { position }, keep: this.options.keep })
    this.saved = step
  }

  /** Waits for what is being written, so that nothing of it is left behind. */
  async settle(): Promise<void> {
    await this.writing
  }
}
