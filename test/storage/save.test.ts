// Checkpoints of heads whose rows are a file: whatever is done to the rows afterwards, loading leads back to the very bits.

import { existsSync, readdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ExactHead } from '../../lib/index.js'
import { temporaryFolder } from '../data/helpers.js'
import { Random } from '../judge/random.js'
import {
  batches,
  busy,
  busyRate,
  type FileStorage,
  freshFiles,
  headerOf,
  inFile,
  journalsOf,
  memory,
  reference,
  refused,
  train,
} from './helpers.js'

const fresh = freshFiles()
const root = temporaryFolder()
let count = 0
const folder = () => join(root, `${count++}`)
const random = new Random(Number(process.env.WIDEHEAD_TEST_SEED ?? 20261129))

describe.each(['process', 'power'] as const)('durability %s', (durability) => {
  it('goes back to each checkpoint and on from it as if nothing had come between', async () => {
    const storage: FileStorage = { ...fresh(), durability }
    const out = folder()
    const whole = new ExactHead(busy)
    const uninterrupted = train(whole, 0, 300)
    let head = inFile(storage)
    let saved = 0
    while (saved < 300) {
      const next = Math.min(300, saved + 1 + random.below(durability === 'power' ? 60 : 30))
      train(head, saved, next)
      await head.save(out)
      // What is changed now is not to be found again: by steps, by all rows at once, or by nothing.
      const lost = random.below(3)
      if (lost === 0) train(head, next, Math.min(300, next + 10))
      if (lost === 1) head.catchUp()
      head.close()
      head = await ExactHead.load(out)
      expect(journalsOf(storage).length, `lost ${lost}`).toBeLessThanOrEqual(1) // of the checkpoint before
      saved = next
      const expected = reference(saved)
      expect(train(head, 0, 0), `at ${saved}`).toEqual(expected)
    }
    expect(train(head, 0, 0).weights.equals(uninterrupted.weights)).toBe(true)
    head.close()
  })
})

describe('save', () => {
  it('copies no row, and is of the moment it was asked for', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    train(head, 0, 50)
    const saving = head.save(out)
    const rest = train(head, 50, 100)
    const { path } = await saving
    expect(readdirSync(path)).toEqual(['head.safetensors'])
    expect(headerOf(join(path, 'head.safetensors'))).not.toHaveProperty('V')
    expect(rest.weights.equals(reference(100).weights)).toBe(true)
    head.close()
    const loaded = await ExactHead.load(out)
    expect(train(loaded, 0, 0)).toEqual(reference(50))
    loaded.close()
  })

  it('takes many at once among asynchronous steps', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    const saves = batches.slice(0, 60).map(({ hidden, targets }, i) => {
      head.stepAsync(hidden, targets, { learningRate: busyRate, weightDecay: 0.001 })
      return i % 7 === 3 ? head.save(out, { keep: 3 }) : undefined
    })
    await Promise.all(saves)
    head.close()
    for (const step of [60, 53, 46]) {
      const loaded = await ExactHead.load(join(out, `step-${step}`))
      expect(train(loaded, 0, 0).weights.equals(reference(step).weights), `${step}`).toBe(true)
      loaded.close()
    }
  })

  it('that fails leaves the head and the checkpoint before as they are', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    train(head, 0, 20)
    await head.save(out)
    train(head, 20, 40)
    const aside = folder()
    renameSync(out, aside)
    writeFileSync(out, '')
    for (let i = 0; i < 2; i++) {
      await expect(head.save(out)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
      train(head, 40 + 5 * i, 45 + 5 * i)
    }
    rmSync(out)
    renameSync(aside, out)
    head.close()
    const loaded = await ExactHead.load(out)
    expect(train(loaded, 0, 0)).toEqual(reference(20))
    train(loaded, 20, 50)
    await loaded.save(out)
    loaded.close()
    const again = await ExactHead.load(out)
    expect(train(again, 0, 0).weights.equals(reference(50).weights)).toBe(true)
    again.close()
  })

  it('is to one folder: what leads back to checkpoints in another would go', async () => {
    const [storage, out, other] = [fresh(), folder(), folder()]
    writeFileSync(other, '')
    let head = inFile(storage)
    await expect(head.save(other)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' }) // nothing is there yet
    rmSync(other)
    for (const end of [10, 20]) {
      train(head, end - 10, end)
      const saving = head.save(out)
      const message = expect.stringContaining(`folder must be ${realpathSync(out)}, where the rows in a file have`)
      await expect(head.save(other)).rejects.toMatchObject({ code: 'WIDEHEAD_OUT_OF_RANGE', message })
      await saving
      await expect(head.save(other)).rejects.toThrow(RangeError)
      head.close()
      head = await ExactHead.load(out)
    }
    await expect(head.save(other)).rejects.toThrow(RangeError)
    expect(existsSync(other)).toBe(false)
    symlinkSync(out, other)
    await head.save(other, { keep: 3 })
    head.close()
    for (const step of [20, 10]) {
      const look = await ExactHead.load(join(out, `step-${step}`))
      expect(train(look, 0, 0), `${step}`).toEqual(reference(step))
      look.close()
    }
  })

  it('keeps a way back to as many checkpoints as there are, and to no other', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    for (let step = 10; step <= 50; step += 10) {
      train(head, step - 10, step)
      await head.save(out, { keep: 3 })
      expect(journalsOf(storage).length).toBe(Math.min(step / 10 - 1, 2))
    }
    train(head, 50, 60)
    head.close()
    for (const step of [30, 40, 50]) {
      const look = await ExactHead.load(join(out, `step-${step}`), memory)
      expect(train(look, 0, 0), `${step}`).toEqual(reference(step))
      look.close()
    }
    // To go on from an older one is to leave the newer ones behind.
    const back = await ExactHead.load(join(out, 'step-40'))
    expect(train(back, 0, 0)).toEqual(reference(40))
    back.close()
    await expect(ExactHead.load(out)).rejects.toMatchObject(refused('has gone another way'))
    const older = await ExactHead.load(join(out, 'step-30'))
    expect(train(older, 0, 0)).toEqual(reference(30))
    train(older, 30, 35)
    await older.save(out, { keep: 1 })
    expect(journalsOf(storage)).toEqual([])
    older.close()
    await ExactHead.load(out).then((last) => last.close())
  })
})
