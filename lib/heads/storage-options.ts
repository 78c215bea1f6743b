// Where the rows of an exact head are: in memory, or in a file that is mapped into it.

import { basename, resolve } from 'node:path'
import { checkObject, oneOf } from '../check.js'
import { rangeError, typeError } from '../errors.js'

/**
 * `file`: V and what belongs to each of its rows lie in the safetensors file `path`, which must not exist when the head is made, and take
 * as much memory as the system has to spare. Only one head at a time may have it. What `save` writes names the file and does not copy it,
 * and goes to one folder; after a crash, `load` takes back what was changed since. `process`, the default, is for a process that dies;
 * `power` for a machine that does: each step that changes rows for the first time since the last checkpoint then waits for the disk.
 *
 * @category Options of heads
 */
export type HeadStorage =
  | {
      /** Rows lie in memory: the default. */
      kind: 'memory'
    }
  | {
      /** Rows lie in a file. Linux and macOS. */
      kind: 'file'
      /** Where the file is, or is to be. */
      path: string
      /** Default process; of a head that is loaded, what it was saved with. */
      durability?: 'process' | 'power'
    }

export const DURABILITIES = ['process', 'power'] as const
export type Durability = (typeof DURABILITIES)[number]

/** Bytes: file systems take 255, and those of a journal's name are 25 more. */
const LONGEST_NAME = 230

/** The same, every field present; paths are absolute. */
export type ReadStorage = { kind: 'memory' } | { kind: 'file'; path: string; durability: Durability }

/** `before`: what it was so far, whose durability goes on unless another is given. */
export function readStorage(storage: HeadStorage = { kind: 'memory' }, before?: HeadStorage): ReadStorage {
  checkObject('storage', storage)
  const { kind, path, durability } = storage as { kind: unknown; path?: unknown; durability?: unknown } // read once
  if (oneOf('storage.kind', kind, ['memory', 'file']) === 'memory') return { kind: 'memory' }
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw typeError(`storage.path must be the path of a file, got ${JSON.stringify(path)}`)
  const length = Buffer.byteLength(basename(path))
  if (length > LONGEST_NAME)
    throw rangeError(`storage.path must end in a name of at most ${LONGEST_NAME} bytes, got one of ${length}`)
  const known = before?.kind === 'file' ? before.durability : undefined
  return {
    kind: 'file',
    path: resolve(path),
    durability: oneOf('storage.durability', durability ?? known ?? 'process', DURABILITIES),
  }
}
