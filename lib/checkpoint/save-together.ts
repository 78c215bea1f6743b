// One checkpoint by several ranks: each writes the rows that it holds, and the first all else, into one folder that all can reach.
//
// Where and under which name is told by the first rank while all are in the call. What follows goes through the folder alone, because ranks
// are done at different times and must not wait for each other in between: a rank that has written its part leaves a mark, the
// first one publishes when all marks are there, and the others see the checkpoint under its name. A checkpoint with a part missing is
// never published.

import { writeFileSync } from 'node:fs'
import { access, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Communicator } from '../distributed/communicator.js'
import { WideheadError } from '../errors.js'
import { beginCheckpoint, discardCheckpoint, freeName, inTurn, publishCheckpoint } from './folder.js'
import { type Place, planCheckpoint, type Saved, type SaveOptions, type State } from './save.js'
import type { Writing } from './writing.js'

const NAP_MS = 20
const BEAT_MS = 500
const MARK = /^rank-\d+\.(alive|written|failed)$/

/** As startSaving(), in a call that all ranks are in. */
export async function startSavingTogether(
  folder: string,
  head: State,
  options: SaveOptions,
  communicator: Communicator,
): Promise<Omit<Writing, 'done'> & { done: Promise<Saved> }> {
  const { rank } = communicator
  const plan = planCheckpoint(head, options, communicator)
  const place = await agreeOnPlace(folder, head.step, communicator).catch((error) => {
    plan.release()
    throw error
  })
  const writing = plan.start(folder, place.temporary)
  writing.done.catch(() => {}) // seen in its turn
  const done =
    rank === 0
      ? inTurn(folder, () => finishFirst(writing, folder, place, head.step, plan.keep, communicator))
      : finishOther(writing, folder, place, head.step, communicator)
  return { held: writing.held, done }
}

interface Agreed extends Place {
  fault?: string
}

async function agreeOnPlace(folder: string, step: number, communicator: Communicator): Promise<Place> {
  let own: Agreed = { temporary: '', name: '' }
  if (communicator.rank === 0) {
    try {
      own = { temporary: beginCheckpoint(folder, step), name: await freeName(folder, step) }
    } catch (error) {
      own.fault = (error as Error).message
    }
  }
  const [first] = await communicator.gatherNow('the folder of a checkpoint', Buffer.from(JSON.stringify(own)))
  const { fault, ...place }: Agreed = JSON.parse(Buffer.from(first).toString())
  if (fault !== undefined) throw new WideheadError('WIDEHEAD_FILE', fault)
  return place
}

async function finishFirst(
  { done }: Writing,
  folder: string,
  { temporary, name }: Place,
  step: number,
  keep: number,
  communicator: Communicator,
): Promise<Saved> {
  const marks = new Marks(temporary, communicator)
  try {
    await done
    await marks.allWritten()
    await marks.remove()
    return { path: await publishCheckpoint(folder, temporary, step, keep, name), step }
  } catch (error) {
    await discardCheckpoint(temporary)
    throw error
  } finally {
    marks.close()
  }
}

async function finishOther(
  { done }: Writing,
  folder: string,
  { temporary, name }: Place,
  step: number,
  communicator: Communicator,
): Promise<Saved> {
  const marks = new Marks(temporary, communicator)
  try {
    await done
    marks.write('written', '')
    await marks.folderGone()
    if (await exists(join(folder, name))) return { path: join(folder, name), step }
    throw new WideheadError('WIDEHEAD_FILE', `the checkpoint of step ${step} in ${folder} was not finished by rank 0`)
  } catch (error) {
    marks.write('failed', (error as Error).message)
    throw error
  } finally {
    marks.close()
  }
}

/** What the ranks tell each other in the folder: that they are alive (a number that grows), done, or why they are not. */
class Marks {
  private beats = 0
  private readonly heart: NodeJS.Timeout
  /** Of each rank that is waited for, its last sign of life, and when it was seen. */
  private readonly seen = new Map<number, { mark: string; at: number }>()

  constructor(
    private readonly folder: string,
    private readonly communicator: Communicator,
  ) {
    this.heart = setInterval(() => this.write('alive', String(++this.beats)), BEAT_MS).unref()
  }

  close(): void {
    clearInterval(this.heart)
  }

  /** At the end of its work the folder may be gone, and nobody wants to know any more. */
  write(how: 'alive' | 'written' | 'failed', text: string): void {
    try {
      writeFileSync(this.path(this.communicator.rank, how), text)
    } catch {}
  }

  /** Waits until all others have written their parts. */
  async allWritten(): Promise<void> {
    const others = Array.from({ length: this.communicator.size - 1 }, (_, i) => i + 1)
    for (;;) {
      const left: number[] = []
      for (const rank of others) {
        const fault = await this.read(rank, 'failed')
        if (fault !== undefined) throw new WideheadError('WIDEHEAD_FILE', `rank ${rank}: ${fault}`)
        if ((await this.read(rank, 'written')) === undefined) left.push(rank)
      }
      if (left.length === 0) return
      await this.watch(left)
    }
  }

  /** Waits until the first rank has given the folder its name, or given up. */
  async folderGone(): Promise<void> {
    while (await exists(this.folder)) await this.watch([0])
  }

  async remove(): Promise<void> {
    this.close()
    for (const name of await readdir(this.folder)) {
      if (MARK.test(name)) await rm(join(this.folder, name), { force: true })
    }
  }

  /** A nap; throws if one of the ranks has given no sign of life for too long. */
  private async watch(ranks: readonly number[]): Promise<void> {
    const { communicator, seen } = this
    if (communicator.stalled) throw new WideheadError('WIDEHEAD_STALLED', communicator.stalled)
    for (const rank of ranks) {
      const mark = (await this.read(rank, 'alive')) ?? ''
      const last = seen.get(rank)
      if (last?.mark !== mark) seen.set(rank, { mark, at: performance.now() })
      const seconds = (performance.now() - (last?.at ?? performance.now())) / 1000
      if (last?.mark === mark && seconds > communicator.stallTimeout) throw communicator.giveUp([rank], seconds)
    }
    await sleep(NAP_MS)
  }

  private read(rank: number, how: string): Promise<string | undefined> {
    return readFile(this.path(rank, how), 'utf8').catch(() => undefined)
  }

  private path(rank: number, how: string): string {
    return join(this.folder, `rank-${rank}.${how}`)
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
