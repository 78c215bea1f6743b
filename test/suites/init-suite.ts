import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type HeadOptions, type Init, setThreads, squaredError } from '../../lib/index.js'
import { relativeError } from '../judge/float64-head.js'
import type { CreateHead } from './head-suite.js'
import { batches, fate, smallHead, train, weightsOf } from './helpers.js'
import type { Plan } from './plan.js'

/** A digest of every bit, because toEqual is slow on 100,000 numbers. */
function bitsOf({ buffer, byteOffset, byteLength }: Float32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex')
}

const large = { numClasses: 3000, hiddenSize: 33, loss: squaredError() }

export function initSuite(create: CreateHead, { cases }: Plan): void {
  const start = (init: Init, changes: Partial<HeadOptions> = {}) => weightsOf(create({ ...large, init, ...changes }))

  describe.each(['normal', 'uniform'] as const)('%s', (kind) => {
    test('has mean 0 and the scale asked for', () => {
      const weights = start({ kind, scale: 0.5 }).slice(0, 3000 * 33)
      const mean = weights.reduce((sum, x) => sum + x, 0) / weights.length
      const deviation = Math.sqrt(weights.reduce((sum, x) => sum + x * x, 0) / weights.length)
      expect(Math.abs(mean)).toBeLessThan(0.01)
      expect(deviation).toBeCloseTo(kind === 'normal' ? 0.5 : 0.5 / Math.sqrt(3), 2)
      const largest = weights.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
      if (kind === 'uniform') expect(largest).toBeLessThanOrEqual(0.5)
      else expect(largest).toBeGreaterThan(1.5)
      expect(new Set(weights).size).toBeGreaterThan(0.9 * weights.length)
    })

    test('is the same for the same seed on any number of threads, and another for another seed', () => {
      const runs = [1, 2, 3, 5].map((threads) => {
        setThreads(threads)
        return start({ kind, scale: 0.1 }, { seed: 77 })
      })
      for (const weights of runs) expect(bitsOf(weights)).toBe(bitsOf(runs[0]))
      expect(bitsOf(start({ kind, scale: 0.1 }, { seed: 78 }))).not.toBe(bitsOf(runs[0]))
      expect(bitsOf(start({ kind, scale: 0.1 }, { seed: Number.MAX_SAFE_INTEGER }))).not.toBe(bitsOf(runs[0]))
      expect(bitsOf(start({ kind, scale: 0.1 }))).toBe(bitsOf(start({ kind, scale: 0.1 }, { seed: 0 })))
    })
  })

  test('zeros are zeros', () => {
    expect(bitsOf(start({ kind: 'zeros' }, { bias: true }))).toBe(bitsOf(new Float32Array(3000 * 34)))
  })

  test('the default is that of the loss', () => {
    for (const { loss } of cases) {
      const options = { numClasses: 40, hiddenSize: 6, loss, seed: 3 }
      expect(weightsOf(create(options))).toEqual(weightsOf(create({ ...options, init: loss.defaultInit })))
    }
  })

  test.each([1, 2, 3])('the same run twice gives the same bits, %i threads', (threads) => {
    setThreads(threads)
    const wide = batches(3, { batchSize: 50 })
    const run = () => {
      const head = smallHead(create, { init: { kind: 'normal', scale: 0.1 }, seed: 5 })
      train(head, batches(60))
      train(head, wide)
      return fate(head)
    }
    expect(run()).toEqual(run())
  })

  test('numbers of threads agree to rounding', () => {
    const runs = [1, 2, 3].map((threads) => {
      setThreads(threads)
      const head = create({ ...large, init: { kind: 'normal', scale: 0.1 } })
      train(head, batches(20, { ...large, batchSize: 40 }), { learningRate: 0.01 })
      return weightsOf(head)
    })
    for (const weights of runs) expect(relativeError(weights, runs[0])).toBeLessThan(1e-6)
  })
}
