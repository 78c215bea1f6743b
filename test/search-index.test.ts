// Indexes over the rows of heads: what their searches give, how they live, and what they refuse.

import { afterAll, describe, expect, test } from 'vitest'
import {
  DenseHead,
  ExactHead,
  type Head,
  HierarchicalSoftmaxHead,
  LshSampledSoftmaxHead,
  SampledSoftmaxHead,
  SearchIndex,
  SoftmaxHead,
  setThreads,
  sphericalSoftmax,
  squaredError,
  threads,
  WtaSoftmaxHead,
} from '../lib/index.js'
import { relativeError } from './judge/float64-head.js'
import { Random } from './judge/random.js'
import { detach } from './suites/helpers.js'

const numClasses = 5000
const hiddenSize = 24
const size = { numClasses, hiddenSize }
const random = new Random(3)
const centres = random.normals(60 * hiddenSize, 1)
const noise = random.normals(numClasses * hiddenSize, 0.5)
const weights = Float32Array.from(
  noise,
  (x, i) => x + centres[(Math.floor(i / hiddenSize) % 60) * hiddenSize + (i % hiddenSize)],
)
const biases = Float32Array.from(random.normals(numClasses, 0.5))
const init = { kind: 'weights', weights } as const
const m = 40
const hidden = Float32Array.from(
  random.normals(m * hiddenSize, 0.5),
  (x, i) => x + weights[(i % hiddenSize) + 77 * hiddenSize * Math.floor(i / hiddenSize)],
)

function recall(found: Int32Array, right: Int32Array, k: number): number {
  let hits = 0
  for (let j = 0; j < right.length; j += k) {
    const ids = new Set(found.subarray(j, j + k))
    expect(ids.size).toBe(k)
    for (const id of right.subarray(j, j + k)) hits += ids.has(id) ? 1 : 0
  }
  return hits / right.length
}

const before = threads()
afterAll(() => setThreads(before))

describe.each<[string, () => Head]>([
  ['SoftmaxHead', () => new SoftmaxHead({ ...size, init })],
  ['SoftmaxHead with biases', () => new SoftmaxHead({ ...size, bias: true, init: { ...init, biases } })],
  ['SampledSoftmaxHead', () => new SampledSoftmaxHead({ ...size, init, samples: 50 })],
  ['WtaSoftmaxHead', () => new WtaSoftmaxHead({ ...size, init })],
  ['LshSampledSoftmaxHead', () => new LshSampledSoftmaxHead({ ...size, init })],
  ['DenseHead', () => new DenseHead({ ...size, init, loss: squaredError() })],
  ['ExactHead', () => new ExactHead({ ...size, init, loss: squaredError() })],
  [
    'ExactHead ranked by squares',
    () => new ExactHead({ ...size, bias: true, init: { ...init, biases }, loss: sphericalSoftmax() }),
  ],
])('%s', (_, create) => {
  test('finds most of the best, with their outputs', () => {
    const head = create()
    head.step(
      hidden,
      Int32Array.from({ length: m }, (_, j) => 77 * j),
      { learningRate: 0.001 },
    )
    const index = head.index({ queries: hidden })
    const right = head.topK(hidden, 10)
    const { classes, logits } = index.search(hidden, 10)
    expect(recall(classes, right.classes, 10)).toBeGreaterThan(0.9)
    for (let j = 0; j < m; j++) {
      const outputs = head.logits(
        hidden.slice(j * hiddenSize, (j + 1) * hiddenSize),
        classes.slice(10 * j, 10 * j + 10),
      )
      outputs.forEach((output, i) => {
        expect(logits[10 * j + i]).toBeCloseTo(output, 3)
      })
    }
    const all = index.search(hidden, 10, { probes: 1_000_000, shortlist: numClasses })
    expect(recall(all.classes, right.classes, 10)).toBeGreaterThan(0.99)
  })
})

test('catchUp() leaves an exact head what it is, with no row behind', () => {
  const exact = new ExactHead({ ...size, init, loss: squaredError(), policy: { sweepRows: 0 } })
  const targets = Int32Array.from({ length: m }, (_, j) => 77 * j)
  for (let step = 0; step < 40; step++) exact.step(hidden, targets, { learningRate: 0.05 })
  const all = Int32Array.from({ length: numClasses }, (_, i) => i)
  const rows = exact.rows(all)
  const found = exact.topK(hidden, 10)
  expect(exact.diagnostics().rowsBehind).toBeGreaterThan(0)
  exact.catchUp()
  expect(exact.diagnostics().rowsBehind).toBe(0)
  expect(relativeError(exact.rows(all), rows)).toBeLessThan(1e-6)
  const after = exact.topK(hidden, 10)
  expect(recall(after.classes, found.classes, 10)).toBeGreaterThan(0.99)
  expect(relativeError(after.logits, found.logits)).toBeLessThan(1e-5)
  exact.close()
  expect(() => exact.catchUp()).toThrow(expect.objectContaining({ code: 'WIDEHEAD_CLOSED' }))
})

const head = new SoftmaxHead({ ...size, init })

test('more probes find more, and a higher recall asks for more of them', () => {
  const index = head.index({ queries: hidden })
  const right = head.topK(hidden, 10).classes
  const found = [1, 4, 16, 64].map((probes) => recall(index.search(hidden, 10, { probes }).classes, right, 10))
  expect([...found].sort((a, b) => a - b)).toEqual(found)
  expect(found[0]).toBeLessThan(found[3])
  const probes = [0.5, 0.9, 0.999].map((share) => head.index({ recall: share, queries: hidden }).diagnostics().probes)
  expect(probes[0]).toBeLessThan(probes[1])
  expect(probes[1]).toBeLessThan(probes[2])
})

test('the same on any number of threads, for one query and for many', () => {
  const results = [1, 2, 3].map((count) => {
    setThreads(count)
    const index = head.index({ seed: 7 })
    const together = index.search(hidden, 5)
    const alone = index.search(hidden.slice(0, hiddenSize), 5)
    expect(alone.classes).toEqual(together.classes.slice(0, 5))
    expect(alone.logits).toEqual(together.logits.slice(0, 5))
    return together
  })
  expect(results[1]).toEqual(results[0])
  expect(results[2]).toEqual(results[0])
})

test('an index keeps the rows it was made of', () => {
  const own = new SoftmaxHead({ ...size, init })
  const index = own.index()
  const found = index.search(hidden, 5)
  own.step(hidden, new Int32Array(m), { learningRate: 10 })
  expect(index.search(hidden, 5)).toEqual(found)
  own.close()
  expect(index.search(hidden, 5)).toEqual(found)
  expect(index).toBeInstanceOf(SearchIndex)
  expect(index).toMatchObject({ numClasses, hiddenSize, closed: false })
})

test('all classes, one class, one cell', () => {
  const small = new SoftmaxHead({ numClasses: 7, hiddenSize: 3, init: { kind: 'normal', scale: 1 } })
  const query = Float32Array.of(1, -2, 0.5)
  for (const options of [{}, { cells: 1 }, { cells: 7 }]) {
    const { classes } = small.index(options).search(query, 7)
    expect(classes).toEqual(small.topK(query, 7).classes)
  }
  const one = new SoftmaxHead({ numClasses: 1, hiddenSize: 1, init: { kind: 'weights', weights: Float32Array.of(2) } })
  expect(one.index().search(Float32Array.of(3), 1)).toEqual({ classes: Int32Array.of(0), logits: Float32Array.of(6) })
  const zeros = new SoftmaxHead({ numClasses: 300, hiddenSize: 4, init: { kind: 'zeros' } })
  expect(zeros.index().search(Float32Array.of(1, 2, 3, 4), 3).logits).toEqual(new Float32Array(3))
})

test('a closed index, a closed head', () => {
  const closed = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_CLOSED' })
  const own = new SoftmaxHead({ numClasses: 10, hiddenSize: 2 })
  const index = own.index()
  index.close()
  index.close()
  expect(index.closed).toBe(true)
  expect(() => index.search(new Float32Array(2), 1)).toThrow(closed)
  expect(() => index.diagnostics()).toThrow(closed)
  own.close()
  expect(() => own.index()).toThrow(closed)
})

test('a head whose rows are no classes refuses', () => {
  const tree = new HierarchicalSoftmaxHead({ numClasses: 10, hiddenSize: 2 })
  expect(() => tree.index()).toThrow(expect.objectContaining({ code: 'WIDEHEAD_OUT_OF_RANGE' }))
})

describe('bad arguments', () => {
  const outOfRange = (says: string) =>
    expect.objectContaining({
      name: 'RangeError',
      code: 'WIDEHEAD_OUT_OF_RANGE',
      message: expect.stringContaining(says),
    })
  test.each([
    [{ cells: 0 }, 'cells must be a whole number from 1 to 5000, got 0'],
    [{ cells: 5001 }, 'cells'],
    [{ recall: 1 }, 'recall must be at least 0.5 and at most 0.999, got 1'],
    [{ recall: Number.NaN }, 'recall'],
    [{ seed: -1 }, 'seed'],
    [{ queries: new Float32Array(5) }, 'queries must hold one or more examples of hiddenSize = 24, got length 5'],
    [{ queries: new Float32Array(24).fill(Number.NaN) }, 'queries must be finite'],
  ])('index(%j)', (options, says) => {
    expect(() => head.index(options)).toThrow(outOfRange(says))
  })

  const index = head.index({ cells: 10 })
  test.each([
    [() => index.search(new Float32Array(5), 1), 'hidden'],
    [() => index.search(new Float32Array(hiddenSize), 0), 'k must be'],
    [() => index.search(new Float32Array(hiddenSize), numClasses + 1), 'k must be'],
    [() => index.search(new Float32Array(hiddenSize), 3, { shortlist: 2 }), 'shortlist'],
    [() => index.search(new Float32Array(hiddenSize), 3, { probes: 0 }), 'probes'],
    [() => index.search(new Float32Array(hiddenSize).fill(Number.POSITIVE_INFINITY), 3), 'hidden must be finite'],
  ])('search %#', (call, says) => {
    expect(call).toThrow(outOfRange(says))
  })

  test('types', () => {
    const wrong = expect.objectContaining({ name: 'TypeError', code: 'WIDEHEAD_INVALID_TYPE' })
    expect(() => head.index(null as unknown as object)).toThrow(wrong)
    expect(() => head.index({ queries: [1] as unknown as Float32Array })).toThrow(wrong)
    expect(() => head.index({ queries: [1] as unknown as Float32Array })).toThrow('queries must be a Float32Array')
    expect(() => index.search([1] as unknown as Float32Array, 1)).toThrow(wrong)
    expect(() => index.search(new Float32Array(hiddenSize), '1' as unknown as number)).toThrow(wrong)
    const gone = new Float32Array(hiddenSize)
    detach(gone)
    expect(() => index.search(gone, 1)).toThrow(expect.objectContaining({ code: 'WIDEHEAD_DETACHED' }))
  })
})

test('is made on another thread too, in its turn, and gives the same', async () => {
  const head = new SoftmaxHead({ numClasses: 500, hiddenSize: 8, init: { kind: 'normal', scale: 1 }, seed: 4 })
  const hidden = Float32Array.from({ length: 16 * 8 }, (_, i) => Math.sin(i))
  const stepping = head.stepAsync(
    hidden,
    Int32Array.from({ length: 16 }, (_, i) => i),
    { learningRate: 0.1 },
  )
  const making = head.indexAsync({ queries: hidden })
  hidden.fill(Number.NaN) // what becomes of the caller's arrays does not matter
  expect(() => head.index()).toThrow(expect.objectContaining({ code: 'WIDEHEAD_BUSY' }))
  await stepping
  const index = await making
  const queries = Float32Array.from({ length: 16 * 8 }, (_, i) => Math.sin(i))
  expect(index.search(queries, 10)).toEqual(head.index({ queries }).search(queries, 10))
  await expect(head.indexAsync({ recall: 2 })).rejects.toMatchObject({ code: 'WIDEHEAD_OUT_OF_RANGE' })
  head.close()
  await expect(head.indexAsync()).rejects.toMatchObject({ code: 'WIDEHEAD_CLOSED' })
})
