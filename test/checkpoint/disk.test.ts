// Disks and folders that do not take a checkpoint: a typed error, and the one that was there stays as it was.

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { beginCheckpoint, discardCheckpoint } from '../../lib/checkpoint/folder.js'
import { ExactHead, readCheckpoint, squaredError } from '../../lib/index.js'
import { temporaryFolder } from '../data/helpers.js'
import { course, minibatches, size } from './helpers.js'

const root = temporaryFolder()
const project = fileURLToPath(new URL('../..', import.meta.url))
const create = () => new ExactHead({ ...size, loss: squaredError(), init: { kind: 'normal', scale: 0.1 } })

describe('save', () => {
  it.skipIf(process.platform === 'win32')('fails when the disk takes no more, and leaves what is there', async () => {
    const folder = join(root, 'full')
    const head = create()
    await head.save(folder)
    const before = readFileSync(join(folder, 'step-0', 'head.rows.safetensors'))
    // A limit on the size of files stands for a full disk: both fail in the middle of a write.
    const script = `node --import ./test/child/typescript.mjs test/child/save.ts ${folder}`
    const { stdout, status } = spawnSync('bash', ['-c', `ulimit -f 16; ${script}`], { cwd: project, encoding: 'utf8' })
    expect([status, stdout.trim()]).toEqual([
      0,
      `WIDEHEAD_FILE cannot write a checkpoint in ${folder}: error EFBIG of the system; then 1 step`,
    ])
    expect(readdirSync(folder).sort()).toEqual(['latest', 'step-0'])
    expect(readFileSync(join(folder, 'step-0', 'head.rows.safetensors')).equals(before)).toBe(true)
    expect((await readCheckpoint(folder)).step).toBe(0)
  })

  it('fails when it cannot be named the newest, and is not there', async () => {
    const folder = join(root, 'unnamed')
    const latest = join(folder, 'latest')
    mkdirSync(latest, { recursive: true })
    await expect(create().save(folder)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    expect(readdirSync(folder)).toEqual(['latest'])
    rmdirSync(latest)
    expect((await create().save(folder)).path).toBe(join(folder, 'step-0'))
  })

  it('is not disturbed by what is written where a failed one was', async () => {
    const temporary = beginCheckpoint(join(root, 'late'), 0)
    const until = performance.now() + 50
    const late = () => {
      try {
        writeFileSync(join(temporary, 'late'), '')
      } catch {}
      if (performance.now() < until) setImmediate(late)
    }
    late()
    await discardCheckpoint(temporary)
    expect(existsSync(temporary)).toBe(false)
  })

  it('saves where the folder was when it was asked to', async () => {
    const head = create()
    const inTurn = head.stepAsync(new Float32Array(size.hiddenSize), Int32Array.of(1), { learningRate: 0 })
    vi.spyOn(process, 'cwd').mockReturnValue(root)
    const saved = head.save('relative')
    vi.restoreAllMocks()
    await inTurn
    expect(await saved).toEqual({ path: join(root, 'relative', 'step-1'), step: 1 })
  })

  it('fails where a file is in the way', async () => {
    const file = join(root, 'file')
    writeFileSync(file, '')
    await expect(create().save(file)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    await expect(create().save(join(file, 'below'))).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    expect(readFileSync(file).length).toBe(0)
  })

  it.skipIf(process.getuid?.() === 0)('fails in a folder that is read-only', async () => {
    const folder = join(root, 'read-only')
    mkdirSync(folder)
    chmodSync(folder, 0o500)
    await expect(create().save(folder)).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
      message: expect.stringContaining('permission denied'),
    })
  })

  it.each([
    [{ keep: 0 }, RangeError, 'keep must be a whole number from 1'],
    [{ facts: 5 }, TypeError, 'facts must be an object'],
    [{ facts: { a: 5n } }, TypeError, 'facts must be what JSON can hold'],
  ] as const)('refuses %o', async (options, type, message) => {
    const folder = join(root, 'refused')
    const saving = create().save(folder, options as never)
    await expect(saving).rejects.toBeInstanceOf(type)
    await expect(saving).rejects.toThrow(message)
    expect(readdirSync(root)).not.toContain('refused')
  })

  it('works again after a failure', async () => {
    const head = create()
    const file = join(root, 'another file')
    writeFileSync(file, '')
    await expect(head.save(file)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    course(head, minibatches(1), 0.01)
    expect((await head.save(join(root, 'again'))).step).toBe(1)
  })
})
