// Getters among the arguments are code of the caller's, which may close what was called, start a call, or transfer arrays away.

import { describe, expect, test } from 'vitest'
import {
  ExactHead,
  type Head,
  SampledSoftmaxHead,
  type SearchIndex,
  SoftmaxHead,
  squaredError,
  Trunk,
} from '../../lib/index.js'

const closed = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_CLOSED' })
const busy = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_BUSY' })
const size = { numClasses: 100, hiddenSize: 4, init: { kind: 'normal', scale: 1 } } as const
const hidden = () => Float32Array.of(1, 2, 3, 4)
const rate = { learningRate: 0.1 }

/** An object whose `name` is `value`, once `meddle` has run. */
const behind = (name: string, value: unknown, meddle: () => void): object =>
  Object.defineProperty({}, name, {
    get() {
      meddle()
      return value
    },
  })

/** One id that calls `meddle` before it tells its length. */
function meddling(meddle: () => void): Int32Array {
  class Meddling extends Int32Array {
    override get length(): number {
      meddle()
      return 1
    }
  }
  return new Meddling(1)
}

type Call = (head: Head, meddle: () => void) => unknown
const CALLS: [string, Call][] = [
  ['options of topK', (head, meddle) => head.topK(hidden(), 1, behind('exact', true, meddle))],
  ['options of index', (head, meddle) => head.index(behind('recall', 0.9, meddle))],
  ['options of evaluate', (head, meddle) => head.evaluate(hidden(), Int32Array.of(1), behind('exact', true, meddle))],
  [
    'options of step',
    (head, meddle) => head.step(hidden(), Int32Array.of(1), behind('learningRate', 1, meddle) as never),
  ],
  ['targets of forward', (head, meddle) => head.forward(hidden(), meddling(meddle))],
  ['classes of logits', (head, meddle) => head.logits(hidden(), meddling(meddle))],
  ['classes of rows', (head, meddle) => head.rows(meddling(meddle))],
  ['classes of biases', (head, meddle) => head.biases(meddling(meddle))],
]

describe.each<[string, () => Head]>([
  ['ExactHead', () => new ExactHead({ ...size, loss: squaredError() })],
  ['SoftmaxHead', () => new SoftmaxHead(size)],
  ['SampledSoftmaxHead', () => new SampledSoftmaxHead({ ...size, samples: 5 })],
])('%s', (_, create) => {
  test.each(CALLS)('%s that close the head', (_, call) => {
    const head = create()
    expect(() => call(head, () => head.close())).toThrow(closed)
    expect(head.closed).toBe(true)
  })

  test.each(CALLS)('%s that start a step', async (_, call) => {
    const head = create()
    let step: Promise<unknown> | undefined
    const meddle = () => {
      step ??= head.stepAsync(hidden(), Int32Array.of(1), rate)
    }
    expect(() => call(head, meddle)).toThrow(busy)
    await step
    expect(head.diagnostics().steps).toBe(1)
  })
})

describe('an index', () => {
  const search: [string, (index: SearchIndex) => object][] = [
    ['probes', (index) => behind('probes', 1, () => index.close())],
    ['shortlist', (index) => behind('shortlist', 50, () => index.close())],
  ]
  test.each(search)('is closed by %s of a search', (_, optionsOf) => {
    const index = new SoftmaxHead(size).index()
    expect(() => index.search(hidden(), 3, optionsOf(index))).toThrow(closed)
  })

  const detached = expect.objectContaining({ code: 'WIDEHEAD_DETACHED' })
  test('loses the vectors that it is to search for, or be made for', () => {
    const head = new SoftmaxHead(size)
    const given = [hidden(), hidden(), hidden()]
    const take = (array: Float32Array) => () => void structuredClone(array, { transfer: [array.buffer as ArrayBuffer] })
    expect(() => head.index().search(given[0], 3, behind('probes', 1, take(given[0])))).toThrow(detached)
    expect(() => head.topK(given[1], 3, behind('exact', true, take(given[1])))).toThrow(detached)
    const options = Object.assign(behind('cells', 5, take(given[2])), { queries: given[2] })
    expect(() => head.index(options)).toThrow(detached)
  })
})

test.each(['forward', 'evaluate'] as const)('a trunk is closed by the input of %s', (call) => {
  const trunk = new Trunk({ vocabularySize: 10, embeddingSize: 4 })
  const input = { indptr: Int32Array.of(0, 1), indices: Int32Array.of(1) }
  Object.defineProperty(input, 'values', { get: () => trunk.close() })
  expect(() => trunk[call](input)).toThrow(closed)
})
