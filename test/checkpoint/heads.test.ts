// A head that is loaded goes on bit for bit as the one that was saved would have.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { BaseHead } from '../../lib/heads/base.js'
import {
  BulkSoftmaxHead,
  customLoss,
  DenseHead,
  ExactHead,
  HierarchicalSoftmaxHead,
  LshSampledSoftmaxHead,
  loadHead,
  readCheckpoint,
  SampledSoftmaxHead,
  SoftmaxHead,
  squaredError,
  Trunk,
  WtaSoftmaxHead,
} from '../../lib/index.js'
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

  /** An object that has nothing of its own: each option comes from a getter of its class. */
  function behindGetters<T extends object>(options: T): T {
    const getters = Object.entries(options).map(([name, value]) => [name, { get: () => value }] as const)
    return Object.create(Object.defineProperties({}, Object.fromEntries(getters)))
  }

  const optimizer = behindGetters({ kind: 'adagrad' as const, epsilon: 1e-3 })
  const policy = behindGetters({ lo: 0.6 })
  it.each<[string, (wrap: <T extends object>(options: T) => T) => BaseHead]>([
    ['exact', (wrap) => new ExactHead(wrap({ ...size, loss: squaredError(), policy }))],
    ['dense', (wrap) => new DenseHead(wrap({ ...size, loss: squaredError(), bias: true }))],
    ['bulk', (wrap) => new BulkSoftmaxHead(wrap({ ...size, optimizer, index: behindGetters({ tables: 8 }) }))],
    ['softmax', (wrap) => new SoftmaxHead(wrap({ ...size, optimizer }))],
    ['sampled', (wrap) => new SampledSoftmaxHead(wrap({ ...size, optimizer, samples: 7, seed: 3 }))],
    ['hierarchical', (wrap) => new HierarchicalSoftmaxHead(wrap({ ...size, optimizer }))],
    ['wta', (wrap) => new WtaSoftmaxHead(wrap({ ...size, optimizer, window: 4, candidates: 9 }))],
    ['lsh', (wrap) => new LshSampledSoftmaxHead(wrap({ ...size, optimizer, tables: 3, augment: true }))],
  ])('keeps options that are inherited, or behind getters: %s', async (kind, create) => {
    const batches = minibatches(20)
    const wraps = [<T extends object>(options: T): T => Object.create(options), behindGetters]
    for (const wrap of wraps) {
      const head = create(wrap)
      course(head, batches.slice(0, 10), 0.05)
      const path = fresh()
      await head.save(path)
      const loaded = await loadHead(path, {}, kind)
      expect(course(loaded, batches.slice(10), 0.05)).toEqual(course(head, batches.slice(10), 0.05))
    }
  })

  it('reads each option once', () => {
    const reads: string[] = []
    const options = { ...size, optimizer: { kind: 'sgd' as const }, samples: 7, seed: 3, sampler: 'uniform' as const }
    const get = (target: typeof options, name: string) => {
      if (name in target) reads.push(name)
      return Reflect.get(target, name)
    }
    const head = new SampledSoftmaxHead(new Proxy(options, { get } as ProxyHandler<typeof options>))
    expect(reads.sort()).toEqual(Object.keys(options).sort())
    head.close()
  })

  it('keeps nothing that is no option, whatever it is', async () => {
    const circle: Record<string, unknown> = { note: 1n }
    circle.self = circle
    const nested = { optimizer: { kind: 'sgd', epsilon: 1n, ...circle }, policy: { lo: 0.5, ...circle } } as object
    for (const head of [
      new SoftmaxHead({ ...size, ...nested, ...circle }),
      new ExactHead({ ...size, loss: squaredError(), ...nested, ...circle }),
    ]) {
      const path = fresh()
      await head.save(path)
      expect(course(await loadHead(path), [], 0)).toEqual(course(head, [], 0))
      const { options } = await readCheckpoint(path)
      expect(options).not.toHaveProperty('note')
      expect(options).not.toHaveProperty('self')
    }
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

  it.each<[string, (folder: never) => Promise<unknown>]>([
    ['loadHead', loadHead],
    ['readCheckpoint', readCheckpoint],
    ['Trunk.load', Trunk.load],
    ['ExactHead.load', ExactHead.load],
    ['BulkSoftmaxHead.load', BulkSoftmaxHead.load],
    ['SoftmaxHead.load', SoftmaxHead.load],
    ['HierarchicalSoftmaxHead.load', HierarchicalSoftmaxHead.load],
  ])('%s rejects a folder that is no string', async (_, load) => {
    for (const folder of [undefined, 3, {}]) {
      const message = expect.stringContaining('folder must be a string')
      await expect(load(folder as never)).rejects.toMatchObject({ code: 'WIDEHEAD_INVALID_TYPE', message })
    }
  })

  it('rejects options that are no object', async () => {
    const error = { name: 'TypeError', code: 'WIDEHEAD_INVALID_TYPE' }
    await expect(ExactHead.load(fresh(), null as never)).rejects.toMatchObject(error)
    await expect(Trunk.load(fresh(), null as never)).rejects.toMatchObject(error)
  })

  it('gives facts back however deep they are nested', async () => {
    let facts: Record<string, unknown> = {}
    for (let level = 0; level < 500; level++) facts = { facts }
    const path = fresh()
    await create().save(path, { facts })
    expect((await readCheckpoint(path)).facts).toEqual(facts)
  })
})
