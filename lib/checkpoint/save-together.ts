// One checkpoint by several ranks: each writes the rows that it holds, and the first all else, into one folder that all can reach.
//
// Where and under which name is told by the first rank while all are in the call. What follows goes through the folder alone, because ranks
// are done at different times and must not wait for each other in between: a rank that has written its part leaves a mark, the
// first one publishes when all marks are there, and the others see the checkpoint under its name. A checkpoint with a part missing is
// never published.

import { access, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Communicator } from '../distributed/communicator.js'
import { WideheadError } from '../errors.js'
import { beginCheckpoint, discardCheckpoint, freeName, inTurn, publishCheckpoint } from './folder.js'
import { type Place, planCheckpoint, type Saved, type SaveOptions, type State } from './save.js'
import { startWriting, type Writing } from './writing.js'

const NAP_MS = 20
const MARK = /^rank-(\d+)\.(written|failed)$/

/** As startSaving(), in a call that all ranks are in. */
export async function startSavingTogether(
  folder: string,
  head: State,
  options: SaveOptions,
  communicator: Communicator,
): Promise<Omit<Writing, 'done'> & { done: Promise<Saved> }> {
  const { rank } = communicator
  const { files, keep } = planCheckpoint(head, options, communicator)
  const place = await agreeOnPlace(folder, head.step, communicator)
  const writing = startWriting(files(place.temporary), folder)
  writing.done.catch(() => {}) // seen in its turn
  const done =
    rank === 0
      ? inTurn(folder, () => finishFirst(writing, folder, place, head.step, keep, communicator.size))
      : finishOther(writing, folder, place, head.step, rank)
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
  ranks: number,
): Promise<Saved> {
  try {
    await done
    await allWritten(temporary, ranks)
    return { path: await publishCheckpoint(folder, temporary, step, keep, name), step }
  } catch (error) {
    await discardCheckpoint(temporary)
    throw error
  }
}

/** Waits for the marks of all others, and takes them away. */
async function allWritten(temporary: string, ranks: number): Promise<void> {
  for (;;) {
    const marks = (await readdir(temporary)).map((name) => MARK.exec(name)).filter((match) => match !== null)
    const failed = marks.find(([, , how]) => how === 'failed')
    if (failed) {
      const why = await readFile(join(temporary, failed[0]), 'utf8')
      throw new WideheadError('WIDEHEAD_FILE', `rank ${failed[1]}: ${why}`)
    }
    if (marks.length === ranks - 1) {
      for (const [mark] of marks) await rm(join(temporary, mark))
      return
    }
    await sleep(NAP_MS)
  }
}

async function finishOther(
  { done }: Writing,
  folder: string,
  { temporary, name }: Place,
  step: number,
  rank: number,
): Promise<Saved> {
  const mark = (how: string, text: string) => writeFile(join(temporary, `rank-${rank}.${how}`), text)
  try {
    await done
    await mark('written', '')
  } catch (error) {
    await mark('failed', (error as Error).message).catch(() => {})
    throw error
  }
  while (await exists(temporary)) await sleep(NAP_MS)
  if (await exists(join(folder, name))) return { path: join(folder, name), step }
  throw new WideheadError('WIDEHEAD_FILE', `the checkpoint of step ${step} in ${folder} was not finished by rank 0`)
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
