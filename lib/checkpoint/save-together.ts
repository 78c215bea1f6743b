// One checkpoint by several ranks: each writes the rows that it holds, and the first all else, into one folder that all can reach.
//
// Where, under which name, and whether every rank can and has come to the same folder, is told while all are in the call: no weights are
// written before. What follows goes through the folder alone, because steps go on meanwhile: a rank that has written its part, or cannot,
// leaves a mark. Once all marks are there the first one publishes or gives up, and then takes the marks away, so that all are done at about
// the same time and say the same. A checkpoint with a part missing is never published. Over one communicator one is written at a time.

import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileError } from '../data/source.js'
import type { Communicator } from '../distributed/communicator.js'
import { WideheadError } from '../errors.js'
import { exists } from '../files/exists.js'
import { beginCheckpoint, discardCheckpoint, freeName, inTurn, publishCheckpoint } from './folder.js'
import { type Place, type Plan, planCheckpoint, type Saved, type SaveOptions, type State } from './save.js'
import type { Writing } from './writing.js'

const NAP_MS = 20
const BEAT_MS = 500

/** As startSaving(), in a call that all ranks are in. Waits until the checkpoint before is done: its name is known only then. */
export async function startSavingTogether(
  folder: string,
  state: () => State,
  options: SaveOptions,
  communicator: Communicator,
): Promise<Omit<Writing, 'done'> & { done: Promise<Saved> }> {
  await communicator.saving
  const { plan, place, step } = await agree(folder, state, options, communicator)
  const marks = new Marks(place.marks, communicator)
  const writing = start(plan, folder, place)
  writing.done.catch(() => {}) // seen in its turn
  const finish = () =>
    communicator.rank === 0
      ? inTurn(folder, () => finishFirst(writing, marks, folder, place, step, plan.keep))
      : finishOther(writing, marks, folder, place, step)
  const done = finish().finally(() => marks.close())
  communicator.saving = done.catch(() => {})
  return { held: writing.held, done }
}

/** With a folder of its own for what the ranks tell each other, which is there until it is known what came of the checkpoint. */
interface SharedPlace extends Place {
  marks: string
}

/** What a rank says before anything is written. */
interface Word {
  /** Of the first one: names in the folder, which each may reach by another path. */
  place?: SharedPlace
  /** Why it cannot. */
  fault?: { code?: unknown; message: string }
}

/** What one rank cannot, none does. */
async function agree(
  folder: string,
  state: () => State,
  options: SaveOptions,
  communicator: Communicator,
): Promise<{ plan: Plan; place: SharedPlace; step: number }> {
  const own: { plan?: Plan; step?: number; place?: SharedPlace } = {}
  try {
    const [first] = await tell(communicator, 'what ranks can save', async () => {
      const head = state()
      own.step = head.step
      own.plan = planCheckpoint(head, options, communicator)
      if (communicator.rank === 0) own.place = await findPlace(folder, head.step)
      return { place: own.place }
    })
    const there = placeIn(folder, first.place as SharedPlace)
    await tell(communicator, 'where ranks can save', async () => {
      if (await exists(there.marks)) return {}
      throw new WideheadError(
        'WIDEHEAD_FILE',
        `cannot write a checkpoint in ${folder}: rank 0 writes to another folder`,
      )
    })
    return { plan: own.plan as Plan, place: there, step: own.step as number }
  } catch (error) {
    own.plan?.release()
    if (own.place)
      for (const name of [own.place.temporary, own.place.marks]) await discardCheckpoint(join(folder, name))
    throw error
  }
}

/** What each rank has to say; throws if one has failed. */
async function tell(communicator: Communicator, what: string, own: () => Promise<Word>): Promise<Word[]> {
  let failure: unknown
  const word = await own().catch((error): Word => {
    failure = error
    return { fault: { code: error.code, message: error.message } }
  })
  const all = await communicator.gatherNow(what, Buffer.from(JSON.stringify(word)))
  if (failure) throw failure
  const words: Word[] = all.map((bytes) => JSON.parse(Buffer.from(bytes).toString()))
  for (const [rank, { fault }] of words.entries()) if (fault) throw refused(rank, fault)
  return words
}

async function findPlace(folder: string, step: number): Promise<SharedPlace> {
  const made: string[] = []
  try {
    for (let i = 0; i < 2; i++) made.push(beginCheckpoint(folder, step))
    const [temporary, marks] = made.map((path) => basename(path))
    return { temporary, marks, name: await freeName(folder, step) }
  } catch (error) {
    for (const path of made) await discardCheckpoint(path)
    throw fileError(`cannot write a checkpoint in ${folder}`, error)
  }
}

function placeIn(folder: string, { temporary, name, marks }: SharedPlace): SharedPlace {
  return { temporary: join(folder, temporary), name, marks: join(folder, marks) }
}

function refused(rank: number, { code, message }: { code?: unknown; message: string }): WideheadError {
  return new WideheadError(code === 'WIDEHEAD_FILE' ? code : 'WIDEHEAD_DISTRIBUTED', `rank ${rank}: ${message}`)
}

/** The others wait for this rank's part: what keeps it from beginning is told like what keeps it from ending. */
function start(plan: Plan, folder: string, { temporary }: Place): Writing {
  try {
    return plan.start(folder, temporary)
  } catch (error) {
    plan.release()
    return { held: false, done: Promise.reject(error) }
  }
}

async function finishFirst(
  { done }: Writing,
  marks: Marks,
  folder: string,
  { temporary, name }: Place,
  step: number,
  keep: number,
): Promise<Saved> {
  try {
    const [own, others] = await Promise.allSettled([done, marks.allWritten()])
    for (const part of [own, others]) if (part.status === 'rejected') throw part.reason
    return { path: await publishCheckpoint(folder, temporary, step, keep, name), step }
  } catch (error) {
    await discardCheckpoint(temporary)
    throw error
  } finally {
    await marks.remove()
  }
}

async function finishOther(
  { done }: Writing,
  marks: Marks,
  folder: string,
  { name }: Place,
  step: number,
): Promise<Saved> {
  try {
    await done
    marks.write('written', '')
  } catch (error) {
    marks.write('failed', (error as Error).message)
    await marks.gone().catch(() => {})
    throw error
  }
  await marks.gone()
  if (await exists(join(folder, name))) return { path: join(folder, name), step }
  throw new WideheadError('WIDEHEAD_FILE', `the checkpoint of step ${step} in ${folder} was not finished by rank 0`)
}

/** What the ranks tell each other in a folder: that they are alive (a number that grows), done, or why they are not. */
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

  /** Waits until all others have written their parts, or given up; throws if one has. */
  async allWritten(): Promise<void> {
    const faults: string[] = []
    let left = Array.from({ length: this.communicator.size - 1 }, (_, i) => i + 1)
    for (;;) {
      const busy: number[] = []
      for (const rank of left) {
        const fault = await this.read(rank, 'failed')
        if (fault !== undefined) faults.push(`rank ${rank}: ${fault}`)
        else if ((await this.read(rank, 'written')) === undefined) busy.push(rank)
      }
      left = busy
      if (left.length === 0) break
      await this.watch(left)
    }
    if (faults.length > 0) throw new WideheadError('WIDEHEAD_FILE', faults.join('; '))
  }

  /** Waits until the first rank has published the checkpoint, or given up. */
  async gone(): Promise<void> {
    while (await exists(this.folder)) await this.watch([0])
  }

  async remove(): Promise<void> {
    this.close()
    await discardCheckpoint(this.folder)
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
