// Exact heads whose rows are files.

import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect } from 'vitest'
import { ExactHead, type ExactHeadOptions, type HeadStorage, taylorSoftmax } from '../../lib/index.js'
import { course, minibatches, size } from '../checkpoint/helpers.js'
import { temporaryFolder } from '../data/helpers.js'

export type FileStorage = Extract<HeadStorage, { kind: 'file' }>

/** Each call: a file in a folder of its own that is not there yet. */
export function freshFiles(): () => FileStorage {
  const folder = temporaryFolder()
  let count = 0
  return () => ({ kind: 'file', path: join(folder, `${count++}.safetensors`) })
}

/** U is corrected every few steps, so that the log, the sweep and rows that are behind all take part. */
export const busy = {
  ...size,
  seed: 3,
  init: { kind: 'normal', scale: 0.1 },
  loss: taylorSoftmax(),
  policy: { lo: 0.6, lookEvery: 3 },
} satisfies ExactHeadOptions
export const busyRate = 2

export function inFile(storage: HeadStorage, changes: Partial<ExactHeadOptions> = {}): ExactHead {
  return new ExactHead({ ...busy, ...changes, storage })
}

/** One in memory, and one whose rows are a file, learn from these. */
export const batches = minibatches(300)
export const train = (head: ExactHead, from: number, to: number) => course(head, batches.slice(from, to), busyRate)

/** What one in memory is after so many steps. */
export function reference(steps: number) {
  const head = new ExactHead(busy)
  const { weights, diagnostics } = train(head, 0, steps)
  head.close()
  return { losses: [], weights, diagnostics }
}

export const memory = { storage: { kind: 'memory' } } as const
export const refused = (text: string) => ({
  name: 'WideheadError',
  code: 'WIDEHEAD_FILE',
  message: expect.stringContaining(text),
})

/** V and the positions of its rows, as they are in a file of rows or of a checkpoint. */
export function tensorsOf(path: string): Buffer {
  const bytes = readFileSync(path)
  return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)))
}

export function headerOf(path: string): Record<string, { dtype: string; shape: number[]; data_offsets: number[] }> {
  const bytes = Buffer.alloc(4096)
  const file = openSync(path, 'r')
  readSync(file, bytes, 0, bytes.length, 0)
  closeSync(file)
  return JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE(0))))
}

/** The journals beside a file of rows. */
export function journalsOf({ path }: FileStorage): string[] {
  return readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith('.journal'))
}
