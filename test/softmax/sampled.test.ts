// Sampled softmax: it is the full one where it sees all classes, and its bias falls like 1 / S where it does not.

import { describe, expect, test } from 'vitest'
import { SampledSoftmaxHead, type SampledSoftmaxOptions, SoftmaxHead } from '../../lib/index.js'
import { range } from '../judge/compare.js'
import { relativeError } from '../judge/float64-head.js'
import { Random } from '../judge/random.js'
import { Stream } from '../judge/stream.js'

const [numClasses, hiddenSize, batchSize] = [300, 10, 9]

function weights(seed: number, scale: number, [D, d] = [numClasses, hiddenSize]): SampledSoftmaxOptions['init'] {
  return { kind: 'weights', weights: Float32Array.from(new Random(seed).normals(D * d, scale)) }
}

test.each([numClasses - 1, numClasses, 1_000_000])('%i samples of 300 classes: SoftmaxHead, bit for bit', (samples) => {
  for (const sampler of ['uniform', 'log-uniform', 'unigram'] as const) {
    const init = weights(1, 0.3)
    const sampled = new SampledSoftmaxHead({ numClasses, hiddenSize, init, samples, sampler })
    const full = new SoftmaxHead({ numClasses, hiddenSize, init })
    const stream = new Stream({ numClasses, hiddenSize, batchSize, seed: 2, targets: 'weights' })
    for (let t = 0; t < 50; t++) {
      const { hidden, targets } = stream.next()
      const options = { learningRate: 0.05, weightDecay: 0.01, clipNorm: 1 }
      expect(sampled.step(hidden, targets, options)).toEqual(full.step(hidden, targets, options))
    }
    expect(sampled.rows(range(0, numClasses))).toEqual(full.rows(range(0, numClasses)))
  }
})

test('a step changes the rows of targets and samples alone', () => {
  const head = new SampledSoftmaxHead({ numClasses, hiddenSize, init: weights(1, 0.3), samples: 20 })
  const all = range(0, numClasses)
  const before = head.rows(all)
  const { hidden, targets } = new Stream({ numClasses, hiddenSize, batchSize, seed: 2 }).next()
  head.step(hidden, targets, { learningRate: 0.1, weightDecay: 0.5 })
  const after = head.rows(all)
  const changed = [...all].filter((c) => after[c * hiddenSize] !== before[c * hiddenSize])
  const distinct = new Set(targets as Int32Array)
  expect(changed.length).toBeGreaterThanOrEqual(20)
  expect(changed.length).toBeLessThanOrEqual(20 + distinct.size)
  for (const c of distinct) expect(changed).toContain(c)
})

test('evaluate is the full softmax, whatever is sampled', () => {
  const init = weights(1, 0.5)
  const sampled = new SampledSoftmaxHead({ numClasses, hiddenSize, init, samples: 5 })
  const full = new SoftmaxHead({ numClasses, hiddenSize, init })
  const { hidden, targets } = new Stream({ numClasses, hiddenSize, batchSize, seed: 2 }).next()
  expect(sampled.evaluate(hidden, targets)).toEqual(full.evaluate(hidden, targets))
})

test('draws depend on the seed, and change from step to step', () => {
  const make = (seed: number) =>
    new SampledSoftmaxHead({ numClasses, hiddenSize, init: weights(1, 0.5), samples: 5, seed })
  const { hidden, targets } = new Stream({ numClasses, hiddenSize, batchSize, seed: 2 }).next()
  const losses = (head: SampledSoftmaxHead) => {
    return range(0, 5).map(() => 1e6 * head.step(hidden, targets, { learningRate: 0 }).loss)
  }
  const [a, b, c] = [losses(make(1)), losses(make(1)), losses(make(2))]
  expect(a).toEqual(b)
  expect(a).not.toEqual(c)
  expect(new Set(a).size).toBe(5)
})

describe('over many draws', () => {
  const [D, d, m] = [400, 4, 3]
  const random = new Random(9)
  const hidden = Float32Array.from(random.normals(m * d))
  const targets = Int32Array.of(1, 30, 200)
  const rows = Float32Array.from(random.normals(D * d, 0.3))
  // Classes with low ids are frequent ones: samplers that prefer them do well.
  const biases = Float32Array.from({ length: D }, (_, c) => -0.5 * Math.log(1 + c / 10))
  const init: SampledSoftmaxOptions['init'] = { kind: 'weights', weights: rows, biases }
  const full = new SoftmaxHead({ numClasses: D, hiddenSize: d, bias: true, init }).forward(hidden, targets)
  const counts = Float64Array.from({ length: D }, (_, c) => 1000 / (1 + c))

  /** Mean of dHidden and of the loss over so many draws: at a learning rate of 0 each step is a new draw of the same thing. */
  const means = (options: Partial<SampledSoftmaxOptions>, draws: number) => {
    const head = new SampledSoftmaxHead({ numClasses: D, hiddenSize: d, bias: true, init, seed: 4, ...options })
    const mean = new Float64Array(m * d)
    let loss = 0
    for (let t = 0; t < draws; t++) {
      const result = head.step(hidden, targets, { learningRate: 0 })
      loss += result.loss / draws
      for (let i = 0; i < mean.length; i++) mean[i] += result.dHidden[i] / draws
    }
    return { gradient: relativeError(mean, full.dHidden), loss: Math.abs(loss - full.loss) / full.loss }
  }

  test.each([{ sampler: 'uniform' }, { sampler: 'log-uniform' }, { sampler: 'unigram', counts }] as const)(
    '$sampler: the bias of loss and gradient falls like 1 / S',
    (options) => {
      const few = means({ samples: 12, ...options }, 8000)
      const many = means({ samples: 48, ...options }, 8000)
      expect(few.gradient).toBeGreaterThan(0.02)
      // Four times the samples: a quarter of the bias, and what is left of the noise.
      expect(few.gradient / many.gradient).toBeGreaterThan(2.7)
      expect(few.loss / many.loss).toBeGreaterThan(2.7)
    },
  )
})

test('counts gathered in training are those of the targets', () => {
  // One class is all there is to see: once the counts are in use, it is drawn in nearly every step, and most of the tries.
  const make = (options: Partial<SampledSoftmaxOptions>) =>
    new SampledSoftmaxHead({ numClasses: 1000, hiddenSize: 2, samples: 3, ...options })
  const counts = new Float64Array(1000)
  counts[17] = 64 * 50
  const [gathered, given] = [make({ sampler: 'unigram' }), make({ sampler: 'unigram', counts })]
  const hidden = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i))
  const none = { indptr: new Int32Array(51), indices: new Int32Array(0) }
  for (let t = 0; t < 64; t++) {
    gathered.step(hidden, new Int32Array(50).fill(17), { learningRate: 0 })
    given.step(hidden, none, { learningRate: 0 })
  }
  const targets = Int32Array.from({ length: 50 }, (_, i) => i)
  for (let t = 0; t < 20; t++) {
    const options = { learningRate: 0.5 }
    expect(gathered.step(hidden, targets, options)).toEqual(given.step(hidden, targets, options))
  }
})
