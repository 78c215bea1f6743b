// Training on several ranks, by `widehead train` or train(): each reads all the data and trains on its share of every minibatch; what is decided, all decide alike.

import { createHash } from 'node:crypto'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import type { Batch } from '../data/batch.js'
import { fileError } from '../data/source.js'
import type { Communicator } from '../distributed/communicator.js'
import { shareOf, WholeHead } from '../distributed/shares.js'
import { type ErrorCode, WideheadError } from '../errors.js'
import { exists } from '../files/exists.js'
import { makeFolder } from '../files/model.js'
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
  await import('../runtime.js') // refuses settings of the environment, before data are read
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

/** What a rank says of what it has done before the first step. */
interface Word {
  /** A hash. */
  facts?: string
  /** Why it cannot go on. */
  fault?: { code?: ErrorCode; message: string }
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
    return shareOf(this.communicator, batch)
  }

  /**
   * What each rank does before the first step: opens the data, the network, the files. Where one cannot, or has come to something else
   * than the others (`facts`), none goes on: else they would wait for it, or train on what does not belong together.
   */
  async agree<T>(deed: () => Promise<T>, facts: (done: T) => object = () => ({})): Promise<T> {
    const own: Word = {}
    let done: T | undefined
    let failure: unknown
    try {
      done = await deed()
      own.facts = createHash('sha256')
        .update(JSON.stringify(facts(done)))
        .digest('hex')
    } catch (error) {
      const { code, message } = error as Error & { code?: ErrorCode }
      own.fault = { code, message }
      failure = error
    }
    const all = await this.communicator.allGather(new Uint8Array(Buffer.from(JSON.stringify(own))))
    if (failure) throw failure
    const words: Word[] = all.map((bytes) => JSON.parse(Buffer.from(bytes).toString()))
    for (const [rank, { fault }] of words.entries()) {
      if (fault) throw new WideheadError(fault.code ?? 'WIDEHEAD_DISTRIBUTED', `rank ${rank} cannot: ${fault.message}`)
    }
    const other = words.findIndex((word) => word.facts !== words[0].facts)
    if (other < 0) return done as T
    throw new WideheadError('WIDEHEAD_DISTRIBUTED', `rank ${other} has other options or training data than rank 0`)
  }

  /** Makes the folder that the first rank writes to. None goes on unless all see it: what they write elsewhere is lost. */
  async makeFolder(folder: string): Promise<void> {
    let isNew = false
    let mark = ''
    try {
      await this.agree(async () => {
        if (!this.isFirst) return
        isNew = await makeFolder(folder)
        mark = await makeMark(folder)
      })
      const [name] = await this.communicator.allGather(new Uint8Array(Buffer.from(basename(mark))))
      await this.agree(async () => {
        isNew ||= await makeFolder(folder) // over a network a look alone may be answered from before it was there
        if (await exists(join(folder, Buffer.from(name).toString()))) return
        throw new WideheadError('WIDEHEAD_FILE', `cannot write in ${folder}: rank 0 writes to another folder`)
      })
    } catch (error) {
      if (mark) await rmdir(mark).catch(() => {})
      if (isNew) await rmdir(folder).catch(() => {})
      throw error
    }
    if (mark) await rmdir(mark)
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
    return { trunk, head: new WholeHead(head, this.communicator) }
  }
}

/** Something in the folder that no other folder has. */
function makeMark(folder: string): Promise<string> {
  return mkdtemp(join(folder, '.ranks-')).catch((error) => {
    throw fileError(`cannot write in ${folder}`, error)
  })
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
