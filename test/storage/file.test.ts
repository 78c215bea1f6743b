// The file that a head's rows are in, as its checkpoints find it again: moved, linked, changed, another, or read alone.

import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ExactHead, loadHead, readCheckpoint } from '../../lib/index.js'
import { temporaryFolder } from '../data/helpers.js'
import {
  busy,
  freshFiles,
  headerOf,
  inFile,
  journalsOf,
  memory,
  reference,
  refused,
  tensorsOf,
  train,
} from './helpers.js'

const fresh = freshFiles()
const root = temporaryFolder()
let count = 0
const folder = () => join(root, `${count++}`)

describe('the file', () => {
  it('is a safetensors file whose tensors begin at a page', async () => {
    const storage = fresh()
    const head = inFile(storage, { bias: true, numClasses: 77 })
    const bytes = readFileSync(storage.path)
    const begin = 8 + Number(bytes.readBigUInt64LE(0))
    expect(begin % 4096).toBe(0)
    const { V, positions } = headerOf(storage.path)
    expect(V).toEqual({ dtype: 'F32', shape: [77, 13], data_offsets: [0, 4004] })
    expect(positions).toEqual({ dtype: 'U32', shape: [77, 1], data_offsets: [4004, 4312] })
    expect(bytes.length).toBe(begin + 4312)
    // As no step was made, V is W.
    const row = new Float32Array(new Uint8Array(bytes.subarray(begin + 52, begin + 104)).buffer)
    expect([...row.subarray(0, 12)]).toEqual([...head.rows(Int32Array.of(1))])
    head.close()
  })

  it('is one head’s alone', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    expect(() => inFile(storage)).toThrow('is there already')
    await head.save(out)
    await expect(ExactHead.load(out)).rejects.toMatchObject(refused('is in use by another head or process'))
    await expect(ExactHead.load(out, memory)).rejects.toMatchObject(refused('is in use'))
    expect(train(head, 0, 30).weights.equals(reference(30).weights)).toBe(true)
    head.close()
    await ExactHead.load(out).then((loaded) => loaded.close())
  })

  it('goes with a head that was never saved', () => {
    const storage = fresh()
    const head = inFile(storage)
    expect(existsSync(storage.path)).toBe(true)
    head.close()
    expect(existsSync(storage.path)).toBe(false)
  })

  it('goes with one whose first save could not begin', async () => {
    const [storage, out] = [fresh(), folder()]
    writeFileSync(out, '')
    const head = inFile(storage)
    await expect(head.save(out)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    head.close()
    expect(existsSync(storage.path)).toBe(false)
  })

  it('keeps its durability, and its journals beside itself, under whatever name it is opened', async () => {
    const storage = { ...fresh(), durability: 'power' } as const
    const [out, link] = [folder(), join(root, 'link')]
    const head = inFile(storage)
    await head.save(out)
    head.close()
    symlinkSync(storage.path, link)
    const linked = await ExactHead.load(out, { storage: { kind: 'file', path: link } })
    train(linked, 0, 5)
    expect(journalsOf(storage).length).toBe(1)
    await linked.save(out)
    linked.close()
    expect((await readCheckpoint(out)).options.storage).toEqual({ ...storage, path: realpathSync(storage.path) })
    const again = await ExactHead.load(out, { storage: { ...storage, durability: 'process' } })
    expect(train(again, 0, 0)).toEqual(reference(5))
    train(again, 5, 6)
    await again.save(out)
    again.close()
    expect((await readCheckpoint(out)).options.storage).toMatchObject({ durability: 'process' })
  })

  it('is where it was if what lies as far from the checkpoints is another', async () => {
    const [a, b] = [folder(), folder()]
    for (const home of [a, b]) {
      mkdirSync(home)
      const head = inFile({ kind: 'file', path: join(home, 'rows') })
      train(head, 0, home === a ? 20 : 5)
      await head.save(join(home, 'checkpoints'))
      head.close()
    }
    renameSync(join(a, 'checkpoints'), join(b, 'moved'))
    const head = await ExactHead.load(join(b, 'moved'))
    expect(train(head, 0, 0)).toEqual(reference(20))
    head.close()
  })

  it('that has changed is refused without its journal', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    await head.save(out)
    train(head, 0, 5)
    head.close()
    const [journal] = journalsOf(storage)
    rmSync(join(storage.path, '..', journal))
    const before = readFileSync(storage.path)
    for (const options of [{}, memory]) {
      await expect(ExactHead.load(out, options)).rejects.toMatchObject(
        refused('the journal that would lead back is gone'),
      )
    }
    expect(readFileSync(storage.path).equals(before)).toBe(true)
  })

  it('may be moved with its checkpoints, or alone if that is said', async () => {
    const home = folder()
    mkdirSync(home)
    const out = join(home, 'checkpoints')
    const head = inFile({ kind: 'file', path: join(home, 'rows') })
    train(head, 0, 30)
    await head.save(out)
    train(head, 30, 40)
    head.close()
    const [moved, alone] = [folder(), join(root, 'alone')]
    renameSync(home, moved)
    const near = await ExactHead.load(join(moved, 'checkpoints'))
    expect(train(near, 0, 0)).toEqual(reference(30))
    near.close()
    renameSync(join(moved, 'rows'), alone)
    await expect(ExactHead.load(join(moved, 'checkpoints'))).rejects.toMatchObject(refused('no such file'))
    const told = await loadHead(join(moved, 'checkpoints'), { storage: { kind: 'file', path: alone } })
    expect(train(told as ExactHead, 0, 0)).toEqual(reference(30))
    told.close()
  })

  it('that is another is refused', async () => {
    const [a, b] = [fresh(), fresh()]
    const [inA, inB] = [folder(), folder()]
    for (const [storage, out] of [
      [a, inA],
      [b, inB],
    ] as const) {
      const head = inFile(storage)
      train(head, 0, 5)
      await head.save(out)
      train(head, 5, 6)
      head.close()
    }
    await expect(ExactHead.load(inA, { storage: b })).rejects.toMatchObject(refused('does not lead back'))
    const { path } = fresh()
    writeFileSync(path, 'no rows')
    await expect(ExactHead.load(inA, { storage: { kind: 'file', path } })).rejects.toMatchObject(refused(path))
    await expect(
      ExactHead.load(inA, { storage: { kind: 'file', path: join(inA, 'step-5/head.safetensors') } }),
    ).rejects.toMatchObject(refused('is missing'))
    const plain = new ExactHead(busy)
    const inMemory = folder()
    await plain.save(inMemory)
    await expect(ExactHead.load(inMemory, { storage: fresh() })).rejects.toMatchObject(
      refused('has its rows in memory'),
    )
    await ExactHead.load(inA).then((head) => head.close())
  })
})

describe('kind memory of a file’s checkpoint', () => {
  it('reads the file alone, beside others, and may be trained and saved', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    train(head, 0, 40)
    await head.save(out)
    train(head, 40, 70)
    head.close()
    const [before, journals] = [readFileSync(storage.path), journalsOf(storage)]
    const [one, other] = [await ExactHead.load(out, memory), await ExactHead.load(out, memory)]
    expect(train(one, 0, 0)).toEqual(reference(40))
    await expect(ExactHead.load(out)).rejects.toMatchObject(refused('in use'))
    expect(train(one, 40, 80).weights.equals(reference(80).weights)).toBe(true)
    expect(train(other, 0, 0)).toEqual(reference(40))
    const whole = folder()
    await one.save(whole)
    const copy = await ExactHead.load(whole)
    expect(train(copy, 0, 0).weights.equals(reference(80).weights)).toBe(true)
    for (const closed of [one, other, copy]) closed.close()
    expect(readFileSync(storage.path).equals(before)).toBe(true)
    expect(journalsOf(storage)).toEqual(journals)
    const plain = new ExactHead(busy)
    train(plain, 0, 40)
    const inMemory = folder()
    const { path } = await plain.save(inMemory)
    const back = await ExactHead.load(out)
    back.close()
    expect(tensorsOf(storage.path).equals(tensorsOf(join(path, 'head.rows.safetensors')))).toBe(true)
  })
})
