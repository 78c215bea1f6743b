// What the heads that find their candidates in hash tables promise beyond the contract of all heads.

import { describe, expect, test } from 'vitest'
import {
  DenseHead,
  LshSampledSoftmaxHead,
  type LshSampledSoftmaxOptions,
  SoftmaxHead,
  squaredError,
  WtaSoftmaxHead,
} from '../../lib/index.js'
import { relativeError } from '../judge/float64-head.js'
import { Random } from '../judge/random.js'

const size = { numClasses: 600, hiddenSize: 16 }
const random = new Random(4)
const weights = Float32Array.from(random.normals(size.numClasses * size.hiddenSize, 0.5))
const init = { kind: 'weights', weights } as const
const m = 6
const hidden = Float32Array.from(random.normals(m * size.hiddenSize, 1))
const targets = Int32Array.from({ length: m }, (_, j) => 90 * j + 7)
const still = { learningRate: 0 }

describe.each([
  ['WtaSoftmaxHead', () => new WtaSoftmaxHead({ ...size, bias: true, candidates: 20, rehashEvery: 5 })],
  ['its own candidates', () => new WtaSoftmaxHead({ ...size, candidates: 20, rehashEvery: 5, perExample: true })],
  ['LshSampledSoftmaxHead', () => new LshSampledSoftmaxHead({ ...size, samples: 60, rehashEvery: 5 })],
  ['label', () => new LshSampledSoftmaxHead({ ...size, samples: 60, rehashEvery: 5, query: 'label', bias: true })],
  ['dwta', () => new LshSampledSoftmaxHead({ ...size, samples: 60, rehashEvery: 5, hash: 'dwta' })],
  [
    'augment',
    () => new LshSampledSoftmaxHead({ ...size, samples: 60, rehashEvery: 5, augment: true, correction: true }),
  ],
  ['its own samples', () => new LshSampledSoftmaxHead({ ...size, samples: 30, rehashEvery: 5, perExample: true })],
])('%s', (_, create) => {
  test('finds the classes it was trained on, from weights of 0 on', () => {
    const head = create()
    for (let step = 0; step < 60; step++) head.step(hidden, targets, { learningRate: 1 })
    const found = head.topK(hidden, 1, { exact: false, candidates: 30 })
    expect(found.classes).toEqual(targets)
    const exact = head.topK(hidden, 1)
    expect(exact.classes).toEqual(targets)
    expect(relativeError(found.logits, exact.logits)).toBeLessThan(1e-6)
    expect(head.evaluate(hidden, targets).loss).toBeLessThan(3)
  })
})

test('a search among all classes, or where buckets hold too few, is the exact one', () => {
  for (const candidates of [600, 400]) {
    const head = new WtaSoftmaxHead({ ...size, init, permutations: 3, codesPerTable: 3 })
    const exact = head.topK(hidden, candidates)
    const found = head.topK(hidden, candidates, { exact: false, candidates })
    expect(found.classes).toEqual(exact.classes)
    expect(relativeError(found.logits, exact.logits)).toBeLessThan(1e-6)
  }
})

describe('correction', () => {
  const full = new SoftmaxHead({ ...size, init })
  const wanted = full.forward(hidden, targets)
  const estimates = (samples: number, draws: number, changes: Partial<LshSampledSoftmaxOptions> = {}) => {
    const head = new LshSampledSoftmaxHead({ ...size, init, samples, correction: true, tables: 4, ...changes })
    const ratios = new Float64Array(draws)
    const gradient = new Float64Array(hidden.length)
    for (let draw = 0; draw < draws; draw++) {
      const { losses, dHidden, apply } = head.forward(hidden, targets)
      for (let j = 0; j < m; j++) ratios[draw] += Math.exp(losses[j] - wanted.losses[j]) / m
      for (let i = 0; i < gradient.length; i++) gradient[i] += dHidden[i] / draws
      apply(still) // the next step draws others
    }
    const mean = ratios.reduce((sum, ratio) => sum + ratio / draws, 0)
    const variance = ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2 / (draws - 1), 0)
    return { mean, error: Math.sqrt(variance / draws), bias: relativeError(gradient, wanted.dHidden) }
  }

  test('the sum of exponentials is estimated without bias, and not without correction', () => {
    for (const query of ['embedding', 'label'] as const) {
      const { mean, error } = estimates(40, 1500, { query })
      expect(error).toBeLessThan(0.05)
      expect(Math.abs(mean - 1)).toBeLessThan(4 * error)
    }
    const published = estimates(40, 200, { correction: false })
    expect(published.mean).toBeLessThan(0.8)
  })

  test('the bias of the gradient falls with the number of samples', () => {
    const [few, some, many] = [16, 64, 256].map((samples) => estimates(samples, 4000).bias)
    expect(some).toBeLessThan(0.5 * few)
    expect(many).toBeLessThan(0.5 * some)
    expect(estimates(598, 1).bias).toBeLessThan(1e-5) // with the targets, every class
  })
})

describe('bad options', () => {
  const outOfRange = (says: string) =>
    expect.objectContaining({ code: 'WIDEHEAD_OUT_OF_RANGE', message: expect.stringContaining(says) })
  test.each([
    [{ window: 6 }, 'window must be a power of two, got 6'],
    [{ window: 32 }, 'window must be at most the length of the hashed vectors, 16, got 32'],
    [{ codesPerTable: 22 }, 'codesPerTable must make keys of at most 64 bits'],
    [{ permutations: 2, codesPerTable: 3 }, 'permutations'],
    [{ candidates: 0 }, 'candidates'],
    [{ unionLimit: 0 }, 'unionLimit'],
    [{ unionLimit: 3, perExample: true }, 'unionLimit needs candidates that all examples share'],
    [{ rehashEvery: 0 }, 'rehashEvery'],
    [{ rangePower: 25 }, 'rangePower'],
    [{ bucketLimit: 0 }, 'bucketLimit'],
  ])('WtaSoftmaxHead %j', (options, says) => {
    expect(() => new WtaSoftmaxHead({ ...size, ...options })).toThrow(outOfRange(says))
  })
  test.each([
    [{ hash: 'md5' as 'dwta' }, 'hash must be one of simhash, dwta'],
    [{ query: 'both' as 'label' }, 'query must be one of embedding, label'],
    [{ tables: 0 }, 'tables'],
    [{ hashesPerTable: 65 }, 'hashesPerTable'],
    [{ samples: 1 }, 'samples'],
    [{ window: 4 }, "window needs hash: 'dwta'"],
    [{ hash: 'dwta' as const, augment: true }, "augment needs hash: 'simhash'"],
    [{ correction: true, perExample: true }, 'correction'],
  ])('LshSampledSoftmaxHead %j', (options, says) => {
    expect(() => new LshSampledSoftmaxHead({ ...size, ...options })).toThrow(outOfRange(says))
  })

  test('searches', () => {
    const head = new WtaSoftmaxHead({ ...size, init })
    expect(() => head.topK(hidden, 5, { exact: false, candidates: 4 })).toThrow(outOfRange('candidates'))
    expect(() => head.topK(hidden, 5, { candidates: 40 })).toThrow(outOfRange('candidates needs exact: false'))
    expect(() => head.topK(hidden, 5, { exact: 1 as unknown as boolean })).toThrow(TypeError)
    for (const other of [new SoftmaxHead({ ...size, init }), new DenseHead({ ...size, loss: squaredError() })]) {
      expect(() => other.topK(hidden, 5, { exact: false })).toThrow(outOfRange('exact must be true or left out'))
      expect(other.topK(hidden, 5, { exact: true })).toEqual(other.topK(hidden, 5))
    }
  })
})
