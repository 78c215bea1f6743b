// A folder of checkpoints:
//
//   latest               the name of the newest one
//   step-300/            a checkpoint: whole, or not there under this name
//   .step-400.<pid>-x.tmp/  one that is being written
//
// A checkpoint is made under a temporary name, flushed, renamed, and only then named in `latest`; none is ever changed.

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileError } from '../data/source.js'
import { WideheadError } from '../errors.js'
import { syncFolder, writeTextAtomically } from '../files/atomic.js'
import { exists } from '../files/exists.js'
import { badFile } from '../files/safetensors.js'

/** Files of a checkpoint. The head's small arrays lie apart from those that have a row a class, which may be a file elsewhere. */
export const STATE_FILES = {
  head: 'head.safetensors',
  rows: 'head.rows.safetensors',
  trunk: 'trunk.safetensors',
} as const

const LATEST = 'latest'
const NAME = /^step-(\d{1,15})(?:-(\d{1,6}))?$/
const TEMPORARY = /^\.(?:step|latest).*\.(\d+)-([0-9a-f]+)\.tmp$/

/** Tells what this copy of the package is writing from what others in this process are, in worker threads or beside it. */
const OWN = randomBytes(4).toString('hex')

/** Makes a temporary folder for a checkpoint of this step. At once, so that the caller's state is of this moment. */
export function beginCheckpoint(folder: string, step: number): string {
  const temporary = join(folder, `.step-${step}.${process.pid}-${OWN}${randomBytes(4).toString('hex')}.tmp`)
  try {
    mkdirSync(folder, { recursive: true })
    mkdirSync(temporary)
  } catch (error) {
    throw fileError(`cannot write a checkpoint in ${folder}`, error)
  }
  underWay.add(resolve(temporary))
  return temporary
}

export async function discardCheckpoint(temporary: string): Promise<void> {
  // Other ranks say in theirs that they are alive: a file that comes after the others have gone is tried once more.
  await rm(temporary, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
  underWay.delete(resolve(temporary))
}

const underWay = new Set<string>()
// Of each folder, the last checkpoint that was begun: `latest` must not go back to one that took longer to write.
const turns = new Map<string, Promise<unknown>>()

/** Runs `finish` once all that was begun before in this folder is finished or has failed. */
export function inTurn<T>(folder: string, finish: () => Promise<T>): Promise<T> {
  const key = resolve(folder)
  const turn = (turns.get(key) ?? Promise.resolve()).catch(() => {}).then(finish)
  turns.set(key, turn)
  const forget = () => {
    if (turns.get(key) === turn) turns.delete(key)
  }
  turn.then(forget, forget)
  return turn
}

/**
 * Gives what was written its name, makes it the newest, and removes all but `keep`. Returns its path. What cannot be made the newest has
 * its temporary name again.
 */
export async function publishCheckpoint(
  folder: string,
  temporary: string,
  step: number,
  keep: number,
  agreed?: string,
): Promise<string> {
  try {
    await syncFolder(temporary)
    const name = agreed ?? (await freeName(folder, step))
    const path = join(folder, name)
    await rename(temporary, path)
    await makeNewest(folder, name).catch(async (error) => {
      await rename(path, temporary)
      throw error
    })
    underWay.delete(resolve(temporary))
    await prune(folder, name, keep).catch(() => {}) // what is still there goes next time
    return path
  } catch (error) {
    throw fileError(`cannot write a checkpoint in ${folder}`, error)
  }
}

async function makeNewest(folder: string, name: string): Promise<void> {
  const latest = join(folder, LATEST)
  try {
    await syncFolder(folder)
    await writeTextAtomically(latest, `${name}\n`)
  } catch (error) {
    const named = await readFile(latest, 'utf8').catch(() => '')
    if (named.trim() !== name) throw error // else it is found, and must stay
  }
}

/** step-300, or step-300-2 where a run that was resumed from before has come to that step again. */
export async function freeName(folder: string, step: number): Promise<string> {
  const taken = new Set(await readdir(folder))
  let name = `step-${step}`
  for (let i = 2; taken.has(name); i++) name = `step-${step}-${i}`
  return name
}

/** The names of the checkpoints in a folder, newest first. */
async function names(folder: string): Promise<string[]> {
  const found = (await readdir(folder)).map((name) => NAME.exec(name)).filter((match) => match !== null)
  const order = ([, step, again]: RegExpExecArray) => Number(step) * 1e6 + Number(again ?? 1)
  return found.sort((a, b) => order(b) - order(a)).map(([name]) => name)
}

export async function checkpointsIn(folder: string): Promise<string[]> {
  return (await names(folder)).map((name) => join(folder, name))
}

async function prune(folder: string, newest: string, keep: number): Promise<void> {
  const stepOf = (name: string) => Number(NAME.exec(name)?.[1])
  // One that is not of an earlier step was left behind when the run went back to one before it: it goes first.
  const isLeft = (name: string) => Number(stepOf(name) >= stepOf(newest))
  const others = (await names(folder)).filter((name) => name !== newest).sort((a, b) => isLeft(a) - isLeft(b))
  const remove = (name: string) => rm(join(folder, name), { recursive: true, force: true })
  for (const name of others.slice(keep - 1)) await remove(name)
  for (const name of await readdir(folder)) if (await isAbandoned(folder, name)) await remove(name)
}

/** What a process that is no more was writing, or this one without success. */
async function isAbandoned(folder: string, name: string): Promise<boolean> {
  const [, digits, mark = ''] = TEMPORARY.exec(name) ?? []
  const pid = Number(digits ?? 0)
  if (pid === 0) return false
  if (pid === process.pid) {
    const path = join(folder, name)
    if (mark.startsWith(OWN)) return !underWay.has(resolve(path))
    // Another copy of the package is at it, or one was in a process before: in containers all have the same few numbers.
    return (await stat(path)).mtimeMs < Date.now() - 1000 * process.uptime()
  }
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** The path of the newest checkpoint in a folder; the folder itself if it is a checkpoint. */
export async function findCheckpoint(folder: string): Promise<string> {
  const name = await readLatest(folder)
  if (name !== undefined) return join(folder, name)
  if (await exists(join(folder, STATE_FILES.head))) return folder
  throw new WideheadError('WIDEHEAD_FILE', `no checkpoint in ${folder}`)
}

/** The name of the newest checkpoint, undefined if there is none. The first one may have been cut off from its entry in `latest`. */
export async function readLatest(folder: string): Promise<string | undefined> {
  const path = join(folder, LATEST)
  try {
    const name = (await readFile(path, 'utf8')).trim()
    if (!NAME.test(name)) throw badFile(path, `${JSON.stringify(name.slice(0, 80))} is no name of a checkpoint`)
    return name
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code === 'ENOTDIR') return undefined
    if (code === 'ENOENT') return (await names(folder).catch(() => []))[0]
    throw fileError(`cannot read ${path}`, error)
  }
}

/** In words, for an error about a damaged checkpoint: which others there are. */
export async function othersThan(path: string): Promise<string> {
  const folder = resolve(path, '..')
  const others = await names(folder).catch(() => [])
  const rest = others.map((name) => join(folder, name)).filter((other) => other !== resolve(path))
  return rest.length ? ` (also there: ${rest.join(', ')})` : ''
}
