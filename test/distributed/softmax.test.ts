// The softmax heads on 1, 2 and 4 ranks: the weights of float64, the losses of one rank where the candidates are those of one, and
// checkpoints that any number of ranks goes on from.

import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { BaseHead } from '../../lib/heads/base.js'
import {
  BulkSoftmaxHead,
  type Communicator,
  HierarchicalSoftmaxHead,
  type LoadOptions,
  LshSampledSoftmaxHead,
  SampledSoftmaxHead,
  SoftmaxHead,
  WtaSoftmaxHead,
} from '../../lib/index.js'
import { temporaryFolder } from '../data/helpers.js'
import { range } from '../judge/compare.js'
import { denseSoftmax } from '../judge/dense-losses.js'
import { Float64Head, relativeError } from '../judge/float64-head.js'
import { Random } from '../judge/random.js'
import { type Batch, Stream } from '../judge/stream.js'
import { opened, shares } from './helpers.js'

const folder = temporaryFolder()
const { open, group, load } = opened()

const shape = { numClasses: 203, hiddenSize: 16 }
const all = range(0, shape.numClasses)
const common = { ...shape, bias: true, init: { kind: 'normal', scale: 0.1 } as const, seed: 3 }
const counts = Float64Array.from({ length: shape.numClasses }, (_, i) => 1000 / (i + 1))
// Empty shares of some ranks: a minibatch of 3 now and then.
const batches = Array.from({ length: 200 }, (_, seed) =>
  new Stream({ ...shape, batchSize: seed % 10 === 9 ? 3 : 10, seed, targets: 'duplicates' }).next(),
)

interface Kind {
  name: string
  create(distributed?: Communicator): BaseHead
  load(folder: string, options?: Pick<LoadOptions, 'distributed'>): Promise<BaseHead>
  learningRate: number
}

/** Whose candidates are the same on any number of ranks. */
const ALIKE: Kind[] = [
  {
    name: 'softmax',
    create: (distributed) => new SoftmaxHead({ ...common, distributed }),
    load: SoftmaxHead.load,
    learningRate: 0.5,
  },
  {
    name: 'softmax, adam',
    create: (distributed) => new SoftmaxHead({ ...common, optimizer: { kind: 'adam' }, distributed }),
    load: SoftmaxHead.load,
    learningRate: 0.01,
  },
  {
    name: 'sampled, counts gathered, adagrad',
    create: (distributed) =>
      new SampledSoftmaxHead({ ...common, samples: 30, optimizer: { kind: 'adagrad' }, distributed }),
    load: SampledSoftmaxHead.load,
    learningRate: 0.1,
  },
  {
    name: 'sampled, counts given',
    create: (distributed) => new SampledSoftmaxHead({ ...common, samples: 30, counts, distributed }),
    load: SampledSoftmaxHead.load,
    learningRate: 0.5,
  },
]

const HASHED: Kind[] = [
  {
    name: 'wta',
    create: (distributed) =>
      new WtaSoftmaxHead({ ...common, candidates: 12, unionLimit: 40, rehashEvery: 7, distributed }),
    load: WtaSoftmaxHead.load,
    learningRate: 0.5,
  },
  {
    name: 'lsh, augmented, correction, adagrad',
    create: (distributed) =>
      new LshSampledSoftmaxHead({
        ...common,
        samples: 40,
        augment: true,
        correction: true,
        rehashEvery: 5,
        optimizer: { kind: 'adagrad' },
        distributed,
      }),
    load: LshSampledSoftmaxHead.load,
    learningRate: 0.1,
  },
  {
    name: "lsh, an example's own candidates by its label",
    create: (distributed) =>
      new LshSampledSoftmaxHead({ ...common, samples: 20, perExample: true, query: 'label', distributed }),
    load: LshSampledSoftmaxHead.load,
    learningRate: 0.5,
  },
]

const KINDS = [...ALIKE, ...HASHED]

function on(count: number, { create }: Kind): BaseHead[] {
  const heads = count === 0 ? [create()] : group(count).map(create)
  open.push(...heads)
  return heads
}

async function step(heads: readonly BaseHead[], batch: Batch, learningRate: number) {
  const parts = shares(batch, shape.hiddenSize, heads.length)
  const results = await Promise.all(
    heads.map((head, r) => head.stepAsync(parts[r].hidden, parts[r].targets, { learningRate, clipNorm: 0.5 })),
  )
  for (const { loss, gradNorm } of results) expect([loss, gradNorm]).toEqual([results[0].loss, results[0].gradNorm])
  return { ...results[0], dHidden: results.flatMap(({ dHidden }) => [...dHidden]) }
}

/** Losses of steps `from` to `to - 1`. */
async function train(heads: readonly BaseHead[], kind: Kind, from: number, to: number): Promise<number[]> {
  const losses: number[] = []
  for (const batch of batches.slice(from, to)) losses.push((await step(heads, batch, kind.learningRate)).loss)
  return losses
}

async function weights(heads: readonly BaseHead[]): Promise<number[]> {
  const rows = await Promise.all(heads.map((head) => head.rowsAsync(all)))
  const biases = await Promise.all(heads.map((head) => head.biasesAsync(all)))
  for (const own of rows) expect(own).toEqual(rows[0])
  return [...rows[0], ...biases[0]]
}

describe.each([1, 2, 4])('on %i ranks', (count) => {
  test('the full softmax is that of float64', async () => {
    const start = Float32Array.from(new Random(3).normals(shape.numClasses * shape.hiddenSize, 0.2))
    const judge = new Float64Head({ ...shape, bias: true, weights: start, loss: denseSoftmax() })
    const init = { kind: 'weights', weights: start } as const
    const heads = group(count).map((distributed) => new SoftmaxHead({ ...shape, bias: true, init, distributed }))
    open.push(...heads)
    for (const batch of batches) {
      const right = judge.step(batch.hidden, batch.targets, { learningRate: 0.5, clipNorm: 0.5 })
      const { loss, dHidden, gradNorm } = await step(heads, batch, 0.5)
      expect(Math.abs(loss - right.loss)).toBeLessThan(1e-5 * Math.max(1, right.loss))
      expect(Math.abs(gradNorm - right.gradNorm)).toBeLessThan(2e-5 * Math.max(1, right.gradNorm))
      expect(relativeError(dHidden, right.dHidden)).toBeLessThan(2e-5)
    }
    expect(relativeError(await weights(heads), [...judge.rows(all), ...judge.biases(all)])).toBeLessThan(1e-5)
  })

  test.each(ALIKE)('$name: the losses and weights of one', async (kind) => {
    const [one, heads] = [on(0, kind), on(count, kind)]
    const expected = await train(one, kind, 0, 200)
    for (const [i, loss] of (await train(heads, kind, 0, 200)).entries()) {
      expect(Math.abs(loss - expected[i]), `step ${i}`).toBeLessThan(1e-5 * Math.max(1, expected[i]))
    }
    expect(relativeError(await weights(heads), await weights(one))).toBeLessThan(1e-5)
  })

  test.each(HASHED)('$name: learns', async (kind) => {
    const heads = on(count, kind)
    const evaluated = async () => {
      const parts = shares(batches[0], shape.hiddenSize, count)
      return (await Promise.all(heads.map((head, r) => head.evaluateAsync(parts[r].hidden, parts[r].targets))))[0].loss
    }
    const before = await evaluated()
    const one = on(0, kind)
    expect(before).toBeCloseTo(one[0].evaluate(batches[0].hidden, batches[0].targets).loss, 5)
    const losses = await train(heads, kind, 0, 200)
    expect(await evaluated()).toBeLessThan(before)
    if (count === 1) expect(losses).toEqual(await train(one, kind, 0, 200))
  })
})

describe('what ranks do together', () => {
  test.each(ALIKE)('$name: evaluation, topK, logits and rows are those of one rank', async (kind) => {
    const [one] = on(0, kind)
    const heads = on(3, kind)
    await train([one], kind, 0, 20)
    await train(heads, kind, 0, 20)
    const parts = shares(batches[99], shape.hiddenSize, 3) // one of them without an example
    const { hidden, targets } = batches[99]
    const found = await Promise.all(heads.map((head, r) => head.evaluateAsync(parts[r].hidden, parts[r].targets)))
    const expected = one.evaluate(hidden, targets)
    const losses = found.flatMap((own) => [...own.losses])
    expect(relativeError(losses, expected.losses)).toBeLessThan(1e-5)
    for (const { loss } of found) expect(loss).toBe(found[0].loss)
    const best = await Promise.all(heads.map((head, r) => head.topKAsync(parts[r].hidden, 150)))
    const logits = best.flatMap((own) => [...own.logits])
    expect(relativeError(logits, one.topK(hidden, 150).logits)).toBeLessThan(1e-5)
    const classes = Int32Array.of(7, 200, 7)
    const some = await Promise.all(heads.map((head, r) => head.logitsAsync(parts[r].hidden, classes)))
    expect(
      relativeError(
        some.flatMap((own) => [...own]),
        one.logits(hidden, classes),
      ),
    ).toBeLessThan(1e-5)
  })

  test.each(KINDS)('$name: what one rank cannot do, nobody does', async (kind) => {
    const heads = on(2, kind)
    const before = await weights(heads)
    const { hidden, targets } = batches[1]
    const bad = hidden.slice()
    bad[17] = Number.NaN
    const rates = { learningRate: 0.1 }
    const steps = [heads[0].stepAsync(hidden, targets, rates), heads[1].stepAsync(bad, targets, rates)]
    expect(await Promise.allSettled(steps)).toMatchObject([
      { reason: { code: 'WIDEHEAD_DISTRIBUTED', message: 'rank 1: hidden must be finite, got NaN at index 17' } },
      { reason: { code: 'WIDEHEAD_OUT_OF_RANGE' } },
    ])
    expect(await weights(heads)).toEqual(before)
    await train(heads, kind, 0, 3)
  })

  test('heads that cannot be shared say so', () => {
    const [distributed] = group(2)
    expect(() => new BulkSoftmaxHead({ ...common, distributed })).toThrow(/not for heads of the kind bulk/)
    expect(() => new HierarchicalSoftmaxHead({ ...common, distributed })).toThrow(/not for heads of the kind hier/)
    expect(() => new SoftmaxHead({ ...common, numClasses: 1, distributed })).toThrow(/number of ranks, 2, got 1/)
    const shared = new WtaSoftmaxHead({ ...common, distributed })
    open.push(shared)
    expect(() => shared.step(batches[0].hidden, batches[0].targets, { learningRate: 1 })).toThrow(/use stepAsync/)
  })
})

describe('checkpoints', () => {
  test.each(ALIKE)(
    '$name: 4 ranks, then 2, then none, with the losses of a run that was never stopped',
    async (kind) => {
      const path = join(folder, kind.name)
      const one = on(0, kind)
      const expected = await train(one, kind, 0, 200)
      let heads = on(4, kind)
      const losses = await train(heads, kind, 0, 66)
      for (const [next, from, to] of [
        [2, 66, 130],
        [0, 130, 200],
      ]) {
        await Promise.all(heads.map((head) => head.save(path)))
        heads = await load(kind, path, next)
        losses.push(...(await train(heads, kind, from, to)))
      }
      for (const [i, loss] of losses.entries()) {
        expect(Math.abs(loss - expected[i]), `step ${i}`).toBeLessThan(1e-5 * Math.max(1, expected[i]))
      }
      expect(relativeError(await weights(heads), await weights(one))).toBeLessThan(1e-5)
    },
  )

  test.each(KINDS)('$name: the same number of ranks goes on bit for bit', async (kind) => {
    const path = join(folder, `${kind.name}, the same`)
    const heads = on(3, kind)
    await train(heads, kind, 0, 40)
    await Promise.all(heads.map((head) => head.save(path)))
    const loaded = await load(kind, path, 3)
    const facts = (head: BaseHead) => ({ ...head.diagnostics(), bytes: 0, tableBytes: 0 })
    expect(loaded.map(facts)).toEqual(heads.map(facts))
    expect(await train(loaded, kind, 40, 120)).toEqual(await train(heads, kind, 40, 120))
    expect(await weights(loaded)).toEqual(await weights(heads))
  })

  test.each(HASHED)(
    '$name: another number of ranks has the weights, and tables that are true of them',
    async (kind) => {
      const path = join(folder, `${kind.name}, another`)
      let heads = on(3, kind)
      let from = 0
      for (const next of [2, 0, 4]) {
        await train(heads, kind, from, from + 33)
        from += 33
        const before = await weights(heads)
        await Promise.all(heads.map((head) => head.save(path)))
        heads = await load(kind, path, next)
        expect(await weights(heads)).toEqual(before)
        for (const head of heads)
          expect(head.diagnostics()).toMatchObject({ rowsBehind: 0, movedShare: 0, steps: from })
      }
      await train(heads, kind, from, from + 33)
    },
  )
})
