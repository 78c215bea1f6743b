// A head that is loaded goes on bit for bit as the one that was saved would have.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BulkSoftmaxHead, customLoss, ExactHead, loadHead, readCheckpoint, squaredError } from '../../lib/index.js'
import { temporaryFolder } from '../data/helpers.js'
import { taylorSoftmaxByHand } from '../judge/custom-losses.js'
import { Random } from '../judge/random.js'
import { copiesProcess, course, KINDS, minibatches, size } from './helpers.js'

const folder = temporaryFolder()
let count = 0
const fresh = () => join(folder, `${count++}`)
const random = new Random(Number(process.env.WIDEHEAD_TEST_SEED ?? 20261122))

describe.each(KINDS)('$name', ({ create, load, learningRate }) => {
  it('goes on from a random one of 300 steps as if it had not stopped', async () => {
    const batches = minibatches(300)
    const whole = create()
    const uninterrupted = course(whole, batches, learningRate)
    const stop = 1 + random.below(298)
    const first = create()
    course(first, batches.slice(0, stop), learningRate)
    const path = fresh()
    const { step } = await first.save(path)
    expect(step).toBe(stop)
    const resumed = await load(path)
    const rest = course(resumed, batches.slice(stop), learningRate)
    expect(rest.losses, `stopped at ${stop}`).toEqual(uninterrupted.losses.slice(stop))
    expect(rest.weights.equals(uninterrupted.weights)).toBe(true)
    expect(rest.diagnostics).toEqual(uninterrupted.diagnostics)
    // And what was saved went on as if nothing had been.
    expect(course(first, batches.slice(stop), learningRate).weights.equals(uninterrupted.weights)).toBe(true)
    for (const head of [whole, first, resumed]) head.close()
  })

  it('saves what was there when save() was called, whatever comes after', async () => {
    const batches = minibatches(40)
    const head = create()
    course(head, batches.slice(0, 20), learningRate)
    const path = fresh()
    const saving = head.save(path)
    const rest = saving.then(() => course(head, batches.slice(20), learningRate))
    await saving
    const expected = await rest
    const loaded = await loadHead(path)
    expect(loaded.constructor).toBe(head.constructor)
    expect(course(loaded, batches.slice(20), learningRate)).toEqual(expected)
    head.close()
    loaded.close()
  })
})

describe('save and load', () => {
  const create = () => new ExactHead({ ...size, loss: squaredError(), init: { kind: 'normal', scale: 0.1 } })

  it('takes its turn among asynchronous steps', async () => {
    const batches = minibatches(30)
    const head = create()
    const saves: Promise<unknown>[] = []
    const paths = [fresh(), fresh()]
    for (const [i, { hidden, targets }] of batches.entries()) {
      head.stepAsync(hidden, targets, { learningRate: 0.01 })
      if (i === 9) saves.push(head.save(paths[0]))
      if (i === 19) saves.push(head.save(paths[1]))
    }
    await Promise.all(saves)
    for (const [i, path] of paths.entries()) {
      const reference = create()
      const expected = course(reference, [], 0)
      expect(expected.losses).toEqual([])
      for (const { hidden, targets } of batches.slice(0, 10 * (i + 1)))
        reference.step(hidden, targets, { learningRate: 0.01 })
      const loaded = await ExactHead.load(path)
      expect(course(loaded, [], 0)).toEqual(course(reference, [], 0))
    }
  })

  it('lets synchronous steps follow at once, or refuses them until it is done', async () => {
    const [{ hidden, targets }] = minibatches(1)
    const head = create()
    const before = course(head, [], 0)
    const path = fresh()
    const saving = head.save(path)
    const step = () => head.step(hidden, targets, { learningRate: 0.01 })
    if (copiesProcess) step()
    else expect(step).toThrow(expect.objectContaining({ code: 'WIDEHEAD_BUSY' }))
    await saving
    step()
    expect(course(await ExactHead.load(path), [], 0)).toEqual(before)
  })

  it('saves a head that is closed meanwhile', async () => {
    const head = create()
    const before = course(head, [], 0)
    const path = fresh()
    const saving = head.save(path)
    head.close()
    await saving
    expect(course(await ExactHead.load(path), [], 0)).toEqual(before)
    await expect(head.save(path)).rejects.toMatchObject({ code: 'WIDEHEAD_CLOSED' })
  })

  it('keeps the options as they were, whatever becomes of the objects that held them', async () => {
    const index = { tables: 8 }
    const optimizer = { kind: 'adagrad' as const, epsilon: 1e-3 }
    const shortlist = Int32Array.of(7, 400)
    const head = new BulkSoftmaxHead({ ...size, index, optimizer, shortlist, retrieved: 8 })
    Object.assign(index, { tables: 0 })
    optimizer.epsilon = 1
    structuredClone(shortlist, { transfer: [shortlist.buffer] })
    const path = fresh()
    await head.save(path)
    expect(course(await BulkSoftmaxHead.load(path), [], 0)).toEqual(course(head, [], 0))
  })

  it('needs the code of a custom loss again', async () => {
    const loss = customLoss(taylorSoftmaxByHand, { name: 'mine' })
    const head = new ExactHead({ ...size, loss })
    const [{ hidden, targets }] = minibatches(1)
    head.step(hidden, targets, { learningRate: 0.1 })
    const path = fresh()
    await head.save(path)
    await expect(ExactHead.load(path)).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
      message: expect.stringContaining('mine'),
    })
    await expect(ExactHead.load(path, { loss: squaredError() })).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    const loaded = await ExactHead.load(path, { loss })
    expect(loaded.step(hidden, targets, { learningRate: 0.1 })).toEqual(
      head.step(hidden, targets, { learningRate: 0.1 }),
    )
  })

  it('gives facts back however deep they are nested', async () => {
    let facts: Record<string, unknown> = {}
    for (let level = 0; level < 500; level++) facts = { facts }
    const path = fresh()
    await create().save(path, { facts })
    expect((await readCheckpoint(path)).facts).toEqual(facts)
  })
})
