// Gradients that are numbers, and too long for float32 to hold their squares: refused before anything has changed.

import { describe, expect, test } from 'vitest'
import {
  DenseHead,
  ExactHead,
  HierarchicalSoftmaxHead,
  LshSampledSoftmaxHead,
  SampledSoftmaxHead,
  SoftmaxHead,
  squaredError,
  WtaSoftmaxHead,
} from '../lib/index.js'

const hiddenSize = 10
const rates = { learningRate: 0.1 }

const HEADS = {
  dense: (numClasses: number) => new DenseHead({ numClasses, hiddenSize, loss: squaredError() }),
  exact: (numClasses: number) => new ExactHead({ numClasses, hiddenSize, loss: squaredError() }),
  softmax: (numClasses: number) => new SoftmaxHead({ numClasses, hiddenSize }),
  'softmax, adam': (numClasses: number) => new SoftmaxHead({ numClasses, hiddenSize, optimizer: { kind: 'adam' } }),
  sampled: (numClasses: number) => new SampledSoftmaxHead({ numClasses, hiddenSize, samples: 20 }),
  hierarchical: (numClasses: number) => new HierarchicalSoftmaxHead({ numClasses, hiddenSize }),
  wta: (numClasses: number) => new WtaSoftmaxHead({ numClasses, hiddenSize }),
  lsh: (numClasses: number) => new LshSampledSoftmaxHead({ numClasses, hiddenSize, samples: 20 }),
}

// Of 20,000 classes a softmax updates a block after the other and knows the whole norm at the end.
describe.each(Object.entries(HEADS))('%s', (_, create) => {
  test.each([50, 20_000])('of %i classes', (numClasses) => {
    for (const clipNorm of [undefined, 1]) {
      const head = create(numClasses)
      const hidden = Float32Array.from({ length: 3 * hiddenSize }, (_, i) => Math.sin(i + 1))
      const targets = Int32Array.of(7, 49, 7)
      head.step(hidden, targets, rates)
      const all = Int32Array.from({ length: numClasses }, (_, id) => id)
      const before = head.rows(all)
      // Hidden vectors of both signs: outputs stay small, gradients do not.
      const long = { indptr: Int32Array.of(0, 1), indices: Int32Array.of(3), values: Float32Array.of(1e10) }
      const tooLong = () => head.step(new Float32Array(hiddenSize).fill(1e7), long, { ...rates, clipNorm })
      expect(tooLong).toThrow(
        expect.objectContaining({ code: 'WIDEHEAD_LOSS', message: expect.stringMatching(/at most 1e15.*nothing was/) }),
      )
      expect(head.rows(all)).toEqual(before)
      expect(head.diagnostics().steps).toBe(1)
      head.step(hidden, targets, rates)
      expect(head.rows(all).every(Number.isFinite)).toBe(true)
      expect(() => head.step(hidden, targets, { learningRate: 1e39 })).toThrow(
        expect.objectContaining({ code: 'WIDEHEAD_OUT_OF_RANGE', message: expect.stringContaining('learningRate') }),
      )
    }
  })
})
