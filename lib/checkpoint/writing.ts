// Files on their way to the disk. A copy of the process writes them while the caller goes on; where the system has no such
// copies, or no memory for one, a thread does, and what it reads must be left alone until it is done.

import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NativeFilePlan } from '../binding.js'
import { fileError } from '../data/source.js'
import { WideheadError } from '../errors.js'
import { native } from '../native.js'

export interface Writing {
  /** True while the memory that is written must not change: until `done`. */
  held: boolean
  done: Promise<void>
}

const LONGEST_NAP_MS = 50

/** Starts to write files that do not exist. What is there after a failure is no whole file. */
export function startWriting(files: readonly NativeFilePlan[], folder: string): Writing {
  const process = native.forkFiles(files)
  if (process > 0) return { held: false, done: watch(process, folder) }
  return { held: true, done: native.writeFiles(files).then((fault) => check(fault, folder)) }
}

async function watch(process: number, folder: string): Promise<void> {
  for (let nap = 1; ; nap = Math.min(2 * nap, LONGEST_NAP_MS)) {
    const fault = native.pollWriter(process)
    if (fault !== undefined) return check(fault, folder)
    await sleep(nap)
  }
}

function check(fault: number, folder: string): void {
  if (fault === 0) return
  const what = `cannot write a checkpoint in ${folder}`
  if (fault < 0) throw new WideheadError('WIDEHEAD_FILE', `${what}: the process that wrote it was killed`)
  const code = Object.entries(constants.errno).find(([, number]) => number === fault)?.[0]
  throw fileError(what, { code, message: `error ${code ?? fault} of the system` })
}
