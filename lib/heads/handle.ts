// The native head, and whose turn it is: asynchronous calls run one after the other, synchronous ones only when none is under way.

import { resolve } from 'node:path'
import type { NativeHead, NativeHeadSpec } from '../binding.js'
import { checkString } from '../check.js'
import { RESTORE } from '../checkpoint/load-head.js'
import { type RowsState, type Saved, type SaveOptions, STATE, type State, startSaving } from '../checkpoint/save.js'
import { startSavingTogether } from '../checkpoint/save-together.js'
import type { Communicator } from '../distributed/communicator.js'
import { typed, WideheadError } from '../errors.js'
import { native } from '../native.js'

export abstract class HeadHandle {
  // Undefined once closed.
  #native: NativeHead | undefined
  // Calls that have not ended, and the last asynchronous one. A call with code of the caller's in it (a custom loss) counts, because that
  // code may call the head or close it.
  #pending = 0
  // All that is made with a communicator takes turns, so that all ranks come to the same call.
  readonly #turns: { tail: Promise<unknown> }
  readonly #resolved: object
  readonly #kind: string

  protected constructor(
    spec: NativeHeadSpec,
    /** Of the ranks that hold the head together, if there are others. */
    protected readonly communicator: Communicator | undefined,
  ) {
    this.#native = new native.Head(spec)
    this.#turns = communicator ?? { tail: Promise.resolve() }
    const { kind, init: _, policy: __, storage: ___, comm: ____, recipe: _____, ...resolved } = spec
    this.#kind = kind
    this.#resolved = withoutArrays(resolved, null)
  }

  /** {@inheritDoc Head.closed} */
  get closed(): boolean {
    return this.#native === undefined
  }

  /** {@inheritDoc Head.close} */
  close(): void {
    const head = this.#native
    this.#native = undefined
    if (this.#pending === 0) head?.close()
  }

  /** close(), for `using head = ...`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** {@inheritDoc Head.save} */
  async save(folder: string, options: SaveOptions = {}): Promise<Saved> {
    const head = this.open()
    const path = resolve(checkString('folder', folder)) // the process may be in another one when its turn comes
    if (this.communicator) return this.#saveTogether(path, options, this.communicator)
    const begin = () => startSaving(path, this[STATE](head), options)
    if (this.#pending === 0) {
      try {
        const { held, done } = begin()
        return held ? this.inTurn(() => done) : done
      } catch (error) {
        throw typed(error)
      }
    }
    let saved: Promise<Saved>
    const begun = this.inTurn(async () => {
      const { held, done } = begin()
      saved = done
      saved.catch(() => {}) // seen below, once this turn is over
      if (held) await done
    })
    return begun.then(() => saved)
  }

  /** Each rank its part, the state being that of this call's turn. */
  async #saveTogether(folder: string, options: SaveOptions, communicator: Communicator): Promise<Saved> {
    let saved: Promise<Saved> | undefined
    await this.inTurn(async (head) => {
      await head.meetAsync('save')
      const { held, done } = await startSavingTogether(folder, () => this[STATE](head), options, communicator)
      saved = done
      saved.catch(() => {}) // seen below, once this turn is over
      if (held) await done
    })
    return saved as Promise<Saved>
  }

  /** @internal What a checkpoint keeps of it. */
  [STATE](head: NativeHead = this.idle()): State {
    const step = head.diagnostics().steps
    return {
      snapshot: () => head.snapshot(),
      step,
      kind: this.#kind,
      config: withoutArrays(this.recipe()),
      resolved: this.#resolved,
      rows: this.rowFile(head),
    }
  }

  /** @internal */
  [RESTORE](): NativeHead {
    return this.idle()
  }

  /** The file that the rows are in, if they are. */
  protected rowFile(_: NativeHead): RowsState | undefined {
    return undefined
  }

  /** Options that make a head like this one; weights, a loss's code and lists that grow with D are saved in other ways. */
  protected abstract recipe(): object

  /** The native head, unless it is closed. */
  protected open(): NativeHead {
    if (!this.#native) throw closedError()
    return this.#native
  }

  /** The native head, when it may be called. `call` needs the other ranks, if there are any, for whom the main thread must not wait. */
  protected idle(call?: string, instead?: string): NativeHead {
    const head = this.open()
    if (this.communicator && call) {
      const other = instead ? `use ${instead}()` : 'there is no such call'
      throw new WideheadError(
        'WIDEHEAD_DISTRIBUTED',
        `${call}() is for a head on one rank, and this one is on several: ${other}`,
      )
    }
    if (this.#pending > 0) {
      throw new WideheadError(
        'WIDEHEAD_BUSY',
        'the head is busy: await its asynchronous steps first, and leave it alone while its custom loss runs',
      )
    }
    return head
  }

  /** Runs a synchronous call during which the head counts as busy. */
  protected busy<T>(head: NativeHead, call: () => T): T {
    this.#pending++
    try {
      return call()
    } catch (error) {
      throw typed(error)
    } finally {
      this.#letGo(head)
    }
  }

  /** Runs `call` after all asynchronous calls before it; one that fails does not keep the next from running. */
  protected inTurn<T>(call: (head: NativeHead) => Promise<T>): Promise<T> {
    const head = this.#native
    if (!head) return Promise.reject(closedError())
    this.#pending++
    const done = this.#turns.tail.then(() => call(head))
    const ended = done.then(
      () => this.#letGo(head),
      () => this.#letGo(head),
    )
    this.#turns.tail = ended
    return done.catch((error) => {
      throw typed(error)
    })
  }

  #letGo(head: NativeHead): void {
    this.#pending--
    // close() left the release to the last call that was on its way.
    if (this.#pending === 0 && this.closed) head.close()
  }
}

/** A copy in which `instead` stands for lists that grow with D: those are in the snapshot. */
export function withoutArrays(value: object, instead?: null): object {
  return JSON.parse(JSON.stringify(value, (_, item) => (ArrayBuffer.isView(item) ? instead : item)))
}

function closedError(): WideheadError {
  return new WideheadError('WIDEHEAD_CLOSED', 'the head is closed')
}
