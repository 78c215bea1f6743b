// `widehead train` on several ranks: each reads all the data and trains on its share of every minibatch; what is decided, all decide alike.

import { hostname } from 'node:os'
import type { Batch } from '../data/batch.js'
import type { Communicator } from '../distributed/communicator.js'
import type { EvaluateOptions, Evaluation, Head, SparseTargets, Targets, TopK, TopKOptions } from '../heads/types.js'
import type { BagInput } from '../trunk.js'
import type { Evaluated } from './evaluation.js'
import { describe, exitCode } from './exit.js'
import { type HeadName, headKind, headsWith } from './heads.js'
import type { Io } from './io.js'
import type { Network } from './network.js'
import { type TrainOptions, usage } from './run.js'

const DECIDE_EVERY_MS = 250
const FIRST_SPEAKS_MS = 1000
/** What all ranks come to know together. */
const SHARED: ReadonlySet<unknown> = new Set(['WIDEHEAD_LOSS'])

/** The ranks of this job, if a launcher has started several. Errors: WIDEHEAD_NO_MPI, WIDEHEAD_LAUNCHER. */
export async function launchedRanks(stallTimeout: number | undefined): Promise<Ranks | undefined> {
  const { native } = await import('../native.js')
  const launcher = native.launcher()
  if (launcher === undefined || launcher.size < 2) return undefined
  const { mpi } = await import('../distributed/mpi.js')
  return new Ranks(mpi({ stallTimeout }))
}

/** What a rank wishes, or all have decided. */
export interface Wishes {
  stop: boolean
  save: boolean
}

export class Ranks {
  private nextStep = 1
  private last = { step: 0, time: performance.now() }

  constructor(readonly communicator: Communicator) {}

  /** The one that writes files and says how far the run is. */
  get isFirst(): boolean {
    return this.communicator.rank === 0
  }

  /** A terminal is nowhere near, whatever a launcher makes of the streams; and only one rank speaks. */
  streams({ stderr }: Pick<Io, 'stderr'>): Pick<Io, 'stderr'> {
    const write = this.isFirst ? (text: string) => stderr.write(text) : () => true
    return { stderr: { write, isTTY: false } as Io['stderr'] }
  }

  /** Which process is which rank: launchers may name either. */
  async describe(): Promise<string> {
    const own = Buffer.from(`${process.pid} on ${hostname()}`)
    const all = await this.communicator.allGather(new Uint8Array(own))
    return `${all.length} ranks: ${all.map((text, rank) => `${rank} is process ${Buffer.from(text)}`).join(', ')}`
  }

  /** This rank's examples, of which there may be none. */
  share(batch: Batch): Pick<Batch, 'input' | 'targets'> {
    const [from, to] = this.range(batch.size)
    return { input: sliceBags(batch, from, to), targets: sliceTargets(batch.targets, from, to) }
  }

  range(size: number): [number, number] {
    const { rank, size: ranks } = this.communicator
    return [Math.floor((size * rank) / ranks), Math.floor((size * (rank + 1)) / ranks)]
  }

  /**
   * What is to be done after this step: what any rank wishes of stopping, what the first wishes of saving. Ranks talk about it a few times
   * a second, at steps that they know beforehand.
   */
  async decide(step: number, wishes: Wishes): Promise<Wishes> {
    if (step < this.nextStep) return { stop: false, save: false }
    const pace = (performance.now() - this.last.time) / Math.max(1, step - this.last.step)
    const next = Math.max(1, Math.min(1000, Math.round(DECIDE_EVERY_MS / pace)))
    const all = await this.communicator.allGather(Float64Array.of(Number(wishes.stop), Number(wishes.save), next))
    this.nextStep = step + all[0][2]
    this.last = { step, time: performance.now() }
    return { stop: all.some(([stop]) => stop > 0), save: all[0][1] > 0 }
  }

  /** Once all have come to the end, how each of them ends is its own affair. */
  async end(): Promise<void> {
    await this.communicator.barrier()
    this.communicator.close()
  }

  /**
   * Ends the whole job because this rank cannot go on, after a line that names it. What all ranks would say, each of its own, the first
   * says alone: it speaks at once, and the others wait a moment before they do.
   */
  async fail(error: unknown, { stderr }: Pick<Io, 'stderr'>): Promise<void> {
    const { code } = error as { code?: unknown }
    const { rank } = this.communicator
    // Who is frozen does not speak: the second rank does so in place of the first.
    const speaksFirst = rank === 0 || (code === 'WIDEHEAD_STALLED' && rank === 1)
    if (!speaksFirst) await new Promise((resolve) => setTimeout(resolve, FIRST_SPEAKS_MS))
    const name = SHARED.has(code) ? '' : `rank ${rank}: `
    await new Promise((resolve) => stderr.write(`${describe(error).replace(/^(widehead: )?/, `$1${name}`)}\n`, resolve))
    this.communicator.abort(exitCode(error))
  }

  /** A network for evaluation: what it is asked on all ranks alike, each does its share of, and all get the whole answer. */
  whole({ trunk, head }: Network): Evaluated {
    return { trunk, head: new WholeHead(head, this) }
  }
}

class WholeHead {
  readonly numClasses
  readonly hiddenSize
  readonly loss

  constructor(
    private readonly head: Head,
    private readonly ranks: Ranks,
  ) {
    this.numClasses = head.numClasses
    this.hiddenSize = head.hiddenSize
    this.loss = head.loss
  }

  async evaluateAsync(hidden: Float32Array, targets: Targets, options?: EvaluateOptions): Promise<Evaluation> {
    const [from, to] = this.ranks.range(hidden.length / this.hiddenSize)
    const { loss, losses } = await this.head.evaluateAsync(
      this.rows(hidden, from, to),
      sliceTargets(targets, from, to),
      options,
    )
    return { loss, losses: concatenated(await this.ranks.communicator.allGather(losses)) }
  }

  async topKAsync(hidden: Float32Array, k: number, options?: TopKOptions): Promise<TopK> {
    const [from, to] = this.ranks.range(hidden.length / this.hiddenSize)
    const { classes, logits } = await this.head.topKAsync(this.rows(hidden, from, to), k, options)
    const { communicator } = this.ranks
    return {
      classes: concatenated(await communicator.allGather(classes)),
      logits: concatenated(await communicator.allGather(logits)),
    }
  }

  private rows(hidden: Float32Array, from: number, to: number): Float32Array {
    return hidden.subarray(from * this.hiddenSize, to * this.hiddenSize)
  }
}

function concatenated<T extends Float32Array | Float64Array | Int32Array>(parts: readonly T[]): T {
  const ArrayType = parts[0].constructor as new (length: number) => T
  const all = new ArrayType(parts.reduce((sum, { length }) => sum + length, 0))
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  return all
}

/** Offsets `from` to `to` of rows, and what lies between the first and the last. */
function sliceOffsets(indptr: Int32Array | Uint32Array, from: number, to: number) {
  const [begin, end] = [indptr[from], indptr[to]]
  return { indptr: indptr.slice(from, to + 1).map((offset) => offset - begin), begin, end }
}

function sliceBags({ input, size }: Batch, from: number, to: number): BagInput {
  const slots = (input.indptr.length - 1) / size
  const { indptr, begin, end } = sliceOffsets(input.indptr, from * slots, to * slots)
  const { indices, values } = input
  return { indptr, indices: indices.slice(begin, end), ...(values && { values: values.slice(begin, end) }) }
}

function sliceTargets(targets: Targets, from: number, to: number): Targets {
  if (ArrayBuffer.isView(targets)) return targets.slice(from, to)
  const { indptr: offsets, indices, values } = targets as SparseTargets
  const { indptr, begin, end } = sliceOffsets(offsets, from, to)
  return { indptr, indices: indices.slice(begin, end), ...(values && { values: values.slice(begin, end) }) }
}

/** Standard input is that of the first rank alone. */
export function checkShareable({ train, valid, storageFile }: TrainOptions): void {
  if (storageFile !== undefined) throw usage('--storage-file is for one rank: several have their rows in memory')
  if (![...train, ...(valid ?? [])].includes('-')) return
  throw usage('--train - and --valid - are for one rank: where there are several, each reads all of the files')
}

/** Heads that several ranks can hold. */
export function checkHead(name: HeadName): void {
  if (headKind(name).distributed) return
  const shared = headsWith((kind) => kind.distributed === true)
  throw usage(`--head ${name} is for one rank: several can hold ${shared}`)
}
