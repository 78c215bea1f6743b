// The ranks that train together, as this one sees them.

import { checkNumber, checkObject, kindOf } from '../check.js'
import { typed, typeError, WideheadError } from '../errors.js'
import { native } from '../native.js'
import type { NativeCommunicator } from './binding.js'

/**
 * How ranks wait for each other.
 *
 * @category Several ranks
 */
export interface CommunicatorOptions {
  /**
   * Seconds that a rank waits for others before it gives up: what it waits in fails with WIDEHEAD_STALLED and a message that names
   * them, and nothing can be done together any more. Default 300; 0 for no limit.
   */
  stallTimeout?: number
}

const LOOK_EVERY_MS = 500
const DEFAULT_STALL_TIMEOUT = 300
/** Without it MPICH lost what a failing rank had written in 5 of 40 jobs whose proxy was held up; with it in none of 40. */
const LAST_WORDS_MS = 200
const GATHERED = [Float32Array, Float64Array, Int32Array, Uint32Array, Uint8Array]

/** Seconds, or Infinity. */
export function readStallTimeout(options: CommunicatorOptions): number {
  checkObject('options', options)
  const timeout = checkNumber('stallTimeout', options.stallTimeout ?? DEFAULT_STALL_TIMEOUT, 0)
  return timeout || Number.POSITIVE_INFINITY
}

/**
 * All ranks of a job. Heads and trunks that are made with it lie on all of them; their asynchronous calls are then made by all ranks,
 * in the same order. Calls over one communicator run one after the other. Made by {@link mpi}.
 *
 * @category Several ranks
 */
export class Communicator {
  /** This process among the others, from 0. */
  readonly rank: number
  /** How many there are. */
  readonly size: number
  /** @internal */
  readonly handle: unknown
  /** @internal The last call that was made, which the next one waits for. */
  tail: Promise<unknown> = Promise.resolve()
  /** @internal The last checkpoint that was begun, until it is written or given up. */
  saving: Promise<unknown> = Promise.resolve()
  /** @internal Seconds, or Infinity. */
  readonly stallTimeout: number
  /** @internal Why nothing can be done together any more, once that is so. */
  stalled: string | undefined
  readonly #watchdog: NodeJS.Timeout | undefined

  /** @internal */
  constructor({ handle, rank, size }: NativeCommunicator, options: CommunicatorOptions = {}) {
    const timeout = readStallTimeout(options)
    this.handle = handle
    this.rank = rank
    this.size = size
    this.stallTimeout = timeout
    if (timeout < Number.POSITIVE_INFINITY && size > 1)
      this.#watchdog = setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
  }

  /**
   * Resolves once all ranks are here.
   *
   * @throws as a rejection: WIDEHEAD_DISTRIBUTED, if the others make another call; WIDEHEAD_STALLED
   */
  async barrier(): Promise<void> {
    await this.#gather('a barrier', new Uint8Array(0))
  }

  /**
   * What each rank gives, in the order of the ranks.
   *
   * @param values of any length, of the same type on all ranks; copied before this returns
   * @throws as barrier(), and a TypeError if it is no such array
   */
  async allGather<T extends Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array>(
    values: T,
  ): Promise<T[]> {
    const ArrayType = GATHERED.find((type) => values instanceof type) as (new (buffer: ArrayBuffer) => T) | undefined
    if (!ArrayType) {
      const names = GATHERED.map(({ name }) => name)
      throw typeError(`values must be a ${names.slice(0, -1).join(', ')} or ${names.at(-1)}, got ${kindOf(values)}`)
    }
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    const parts = await this.#gather(`allGather of ${ArrayType.name}`, bytes)
    return parts.map((part) => new ArrayType(part))
  }

  /** Bytes that this rank has sent to others so far, and exchanges that it has taken part in. */
  traffic(): {
    /** To all others together. */
    bytesSent: number
    /** Every one is a meeting of all ranks. */
    exchanges: number
  } {
    return native.traffic(this.handle)
  }

  /**
   * Ends all processes of an MPI job, as soon as may be.
   *
   * @param code their exit code
   */
  abort(code: number): void {
    // The launcher may end the job before it has passed on what this rank wrote last, which says why.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WORDS_MS)
    native.abortJob(this.handle, code)
  }

  /** @internal */
  closed = false

  /** For a rank that needs the others no more: how it ends is its own affair from here on. */
  close(): void {
    this.closed = true
    clearInterval(this.#watchdog)
  }

  /** @internal Runs a call once those before it are done. */
  inTurn<T>(call: () => Promise<T>): Promise<T> {
    const done = this.tail.then(call)
    this.tail = done.catch(() => {})
    return done
  }

  /** @internal allGather() of bytes within a call that has its turn. */
  gatherNow(what: string, bytes: Uint8Array): Promise<ArrayBuffer[]> {
    return native.gather(this.handle, what, bytes)
  }

  #gather(what: string, bytes: Uint8Array): Promise<ArrayBuffer[]> {
    const copy = bytes.slice()
    const done = this.inTurn(() => native.gather(this.handle, what, copy))
    return done.catch((error) => {
      throw typed(error)
    })
  }

  /** @internal The error of having waited too long for these ranks; it ends all other waiting too. */
  giveUp(ranks: readonly number[], seconds: number): WideheadError {
    const who = ranks.length === 1 ? `rank ${ranks[0]} has` : `ranks ${ranks.join(', ')} have`
    this.stalled = `${who} not come for ${Math.round(seconds)} s: stopped, cut off, or busy with something else`
    native.stopWaiting(this.handle, this.stalled)
    return new WideheadError('WIDEHEAD_STALLED', this.stalled)
  }

  #look(): void {
    const { seconds, ranks } = native.waiting(this.handle)
    if (ranks.length > 0 && seconds >= this.stallTimeout) this.giveUp(ranks, seconds)
  }
}
