// Options that make no sense, and disks that are too small: an error of one line before anything is written or changed.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { rowFileState } from '../../lib/heads/row-file.js'
import { ReplacedRows } from '../../lib/heads/storage.js'
import { ExactHead } from '../../lib/index.js'
import { temporaryFolder } from '../data/helpers.js'
import { ranks } from '../distributed/helpers.js'
import { freshFiles, inFile } from './helpers.js'

const fresh = freshFiles()
const root = temporaryFolder()
const project = fileURLToPath(new URL('../..', import.meta.url))
const posix = process.platform !== 'win32'

describe('storage', () => {
  it.each([
    ['file', TypeError, 'WIDEHEAD_INVALID_TYPE', 'storage must be an object, got string'],
    [{ kind: 'disk' }, RangeError, 'WIDEHEAD_OUT_OF_RANGE', "storage.kind must be one of memory, file, got 'disk'"],
    [{ path: 'x' }, TypeError, 'WIDEHEAD_INVALID_TYPE', 'storage.kind must be one of memory, file, got undefined'],
    [{ kind: 'file' }, TypeError, 'WIDEHEAD_INVALID_TYPE', 'storage.path must be the path of a file, got undefined'],
    [{ kind: 'file', path: '' }, TypeError, 'WIDEHEAD_INVALID_TYPE', 'storage.path must be the path of a file, got'],
    [
      { kind: 'file', path: 'never made\0' },
      TypeError,
      'WIDEHEAD_INVALID_TYPE',
      'must be the path of a file, got "never',
    ],
    [
      { kind: 'file', path: `never made/${'é'.repeat(116)}` },
      RangeError,
      'WIDEHEAD_OUT_OF_RANGE',
      'storage.path must end in a name of at most 230 bytes, got one of 232',
    ],
    [
      { kind: 'file', path: 'never made', durability: 'none' },
      RangeError,
      'WIDEHEAD_OUT_OF_RANGE',
      "storage.durability must be one of process, power, got 'none'",
    ],
  ])('is refused as %o', (storage, type, code, message) => {
    expect(() => inFile(storage as never)).toThrow(type)
    expect(() => inFile(storage as never)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    )
    expect(existsSync('never made')).toBe(false)
  })

  it.runIf(posix)('takes a name that its journals have room behind', async () => {
    const folder = temporaryFolder()
    const head = inFile({ kind: 'file', path: join(folder, 'r'.repeat(230)) })
    await head.save(join(folder, 'checkpoints'))
    head.step(new Float32Array(12).fill(0.1), Int32Array.of(1), { learningRate: 0.1 })
    head.close()
  })

  it.runIf(posix)('is refused where the folder is not there', () => {
    const path = join(root, 'nowhere', 'rows')
    expect(() => inFile({ kind: 'file', path })).toThrow(
      expect.objectContaining({ code: 'WIDEHEAD_FILE', message: expect.stringContaining(`cannot create ${path}`) }),
    )
  })

  it.runIf(posix)('is refused where the disk is too small, before anything is written', () => {
    const storage = fresh()
    const tooLarge = { numClasses: 2 ** 31 - 1, hiddenSize: 65_000, init: { kind: 'zeros' } } as const
    expect(() => inFile(storage, tooLarge)).toThrow(
      expect.objectContaining({
        code: 'WIDEHEAD_FILE',
        message: expect.stringMatching(/needs 558\d+ bytes, but its file system has \d+ left/),
      }),
    )
    expect(existsSync(storage.path)).toBe(false)
  })

  it.runIf(posix)('takes the place of another only where there is room, and leaves that one else', async () => {
    const storage = fresh()
    const head = inFile(storage)
    await head.save(temporaryFolder())
    head.close()
    const before = readFileSync(storage.path)
    const known = new Set([rowFileState(storage.path)?.generation ?? ''])
    expect(() => new ReplacedRows(storage.path, 'process', new Set())).toThrow('a model that is not in this folder')
    const replaced = new ReplacedRows(storage.path, 'process', known)
    const tooLarge = { numClasses: 2 ** 31 - 1, hiddenSize: 65_000, init: { kind: 'zeros' } } as const
    expect(() => inFile(replaced, tooLarge)).toThrow(
      /needs 558\d+ bytes, .* has \d+ left, those of the old one included/,
    )
    expect(() => inFile(replaced, { hiddenSize: 0 })).toThrow('hiddenSize')
    expect(readFileSync(storage.path).equals(before)).toBe(true)
    inFile(replaced, { numClasses: 7 }).close()
    expect(existsSync(storage.path)).toBe(false)
  })

  it.runIf(posix)('is refused on several ranks, for a new head and for one that is loaded', async () => {
    const [distributed, other] = ranks(2)
    const refused = { code: 'WIDEHEAD_OUT_OF_RANGE', message: expect.stringContaining('distributed must be left out') }
    expect(() => inFile(fresh(), { distributed })).toThrow(expect.objectContaining(refused))
    const folder = temporaryFolder()
    const head = inFile(fresh())
    await head.save(folder)
    head.close()
    for (const storage of [undefined, { kind: 'memory' }] as const) {
      await expect(ExactHead.load(folder, { distributed, storage })).rejects.toThrow(/distributed must be left out/)
    }
    for (const rank of [distributed, other]) rank.close()
  })

  it.runIf(process.platform === 'win32')('is for other systems than Windows', () => {
    expect(() => inFile(fresh())).toThrow('storage.kind must be memory on Windows, got file')
  })
})

/** A limit on the size of files stands for a full disk: both fail in the middle of what is written. */
function limited(kibibytes: number, folder: string, mode: string) {
  mkdirSync(folder)
  const script = `node --import ./test/child/typescript.mjs test/child/row-file-full.ts ${folder} ${mode}`
  const result = spawnSync('bash', ['-c', `ulimit -f ${kibibytes}; ${script}`], { cwd: project, encoding: 'utf8' })
  expect(result.stderr).toBe('')
  return { status: result.status, told: result.stdout.trim(), left: readdirSync(folder) }
}

describe.runIf(posix)('a disk that takes no more', () => {
  it('has no room for the file', () => {
    const { status, told, left } = limited(64, join(root, 'full'), 'create')
    expect([status, told]).toEqual([0, expect.stringContaining('WIDEHEAD_FILE cannot set 2')])
    expect(left).toEqual([])
  })

  it('has no room for the journal: the step is not made, and those that need none go on', () => {
    const { status, told } = limited(525, join(root, 'journal'), 'step')
    expect([status, told]).toEqual([
      0,
      expect.stringMatching(
        /^WIDEHEAD_FILE cannot write .*\.journal: File too large; nothing changed; then 1 step; goes back$/,
      ),
    ])
  })
})
