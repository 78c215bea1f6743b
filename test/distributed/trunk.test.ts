// A trunk on several ranks: the updates of one that sees all examples.

import { afterEach, expect, test } from 'vitest'
import { type BagInput, Trunk, type TrunkOptions } from '../../lib/index.js'
import { relativeError } from '../judge/float64-head.js'
import { Random } from '../judge/random.js'
import { ranks } from './helpers.js'

let open: { close(): void }[] = []
afterEach(() => {
  for (const thing of open) thing.close()
  open = []
})

const SLOTS = 2
const OPTIONS: TrunkOptions = {
  vocabularySize: 40,
  embeddingSize: 6,
  slots: SLOTS,
  combine: 'mean',
  layers: [
    { size: 9, activation: 'tanh' },
    { size: 7, activation: 'relu' },
  ],
  clipNorm: 0.8,
}

/** Bags of 0 to 3 ids, so that ids repeat within and across the ranks' examples. */
function randomBags(random: Random, examples: number): BagInput {
  const indptr = [0]
  const indices: number[] = []
  for (let bag = 0; bag < examples * SLOTS; bag++) {
    for (let i = Math.floor(random.between(0, 4)); i > 0; i--) indices.push(Math.floor(random.between(0, 40)))
    indptr.push(indices.length)
  }
  const values = Float32Array.from(indices, () => random.between(0.5, 1.5))
  return { indptr: Int32Array.from(indptr), indices: Int32Array.from(indices), values }
}

function share({ indptr, indices, values }: BagInput, from: number, to: number): BagInput {
  const [begin, end] = [indptr[from * SLOTS], indptr[to * SLOTS]]
  return {
    indptr: indptr.slice(from * SLOTS, to * SLOTS + 1).map((offset) => offset - begin),
    indices: indices.slice(begin, end),
    values: values?.slice(begin, end),
  }
}

test.each([1, 2, 4])('%i ranks', async (size) => {
  const communicators = ranks(size)
  const one = new Trunk(OPTIONS)
  const trunks = communicators.map((distributed) => new Trunk({ ...OPTIONS, distributed }))
  open.push(one, ...trunks, ...communicators)
  const random = new Random(4)
  for (let step = 0; step < 80; step++) {
    const examples = step % 5 === 4 ? 2 : 9 // fewer than ranks, now and then
    const input = randomBags(random, examples)
    const dHidden = Float32Array.from(random.normals(examples * 7, 0.3))
    const bounds = Array.from({ length: size + 1 }, (_, r) => Math.floor((examples * r) / size))
    const hidden = trunks.flatMap((trunk, r) => [...trunk.forward(share(input, bounds[r], bounds[r + 1]))])
    expect(relativeError(hidden, one.forward(input))).toBeLessThan(1e-5)
    const { gradNorm } = one.backward(dHidden, { learningRate: 0.05 })
    const norms = await Promise.all(
      trunks.map((trunk, r) =>
        trunk.backwardAsync(dHidden.slice(bounds[r] * 7, bounds[r + 1] * 7), { learningRate: 0.05 }),
      ),
    )
    for (const norm of norms) expect(norm).toEqual(norms[0])
    expect(norms[0].gradNorm).toBeCloseTo(gradNorm, 4)
  }
  const all = trunks.map((trunk) => trunk.parameters())
  for (const parameters of all) expect(parameters).toEqual(all[0])
  for (const [i, { name, data }] of one.parameters().entries()) {
    expect(relativeError(all[0][i].data, data), name).toBeLessThan(2e-5)
  }
})

test('what one rank cannot do, nobody does', async () => {
  const communicators = ranks(2)
  const trunks = communicators.map((distributed) => new Trunk({ ...OPTIONS, distributed }))
  open.push(...trunks, ...communicators)
  const input = randomBags(new Random(1), 3)
  for (const trunk of trunks) trunk.forward(input)
  const before = trunks[0].parameters()
  expect(() => trunks[0].backward(new Float32Array(21), { learningRate: 0.1 })).toThrow(/use backwardAsync/)
  const results = await Promise.allSettled([
    trunks[0].backwardAsync(new Float32Array(21), { learningRate: 0.1 }),
    trunks[1].backwardAsync(new Float32Array(20), { learningRate: 0.1 }),
  ])
  expect(results).toMatchObject([
    { reason: { code: 'WIDEHEAD_DISTRIBUTED', message: /^rank 1: dHidden must have 21 values/ } },
    { reason: { code: 'WIDEHEAD_OUT_OF_RANGE' } },
  ])
  expect(trunks[0].parameters()).toEqual(before)
})
