import { describe, expect, test } from 'vitest'
import type { HeadOptions } from '../../lib/index.js'
import { range } from '../judge/compare.js'
import type { CreateHead } from './head-suite.js'
import { batches, fate, randomInit, size, smallHead, train, weightsOf } from './helpers.js'
import type { Plan } from './plan.js'

const examples = batches(40)
const [more, other] = batches(2, { seed: 5 })
const rate = { learningRate: 0.03 }
const stale = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_STALE' })

export function passSuite(create: CreateHead, { passes, estimates }: Plan): void {
  /** A head in the middle of its training. */
  const trained = (changes: Partial<HeadOptions> = {}) => {
    const head = smallHead(create, changes)
    train(head, examples)
    return head
  }

  describe.each(passes)('$name', ({ loss }) => {
    test('forward and apply are one step, bit for bit', () => {
      const [whole, halves] = [trained({ loss }), trained({ loss })]
      for (const options of [rate, { ...rate, weightDecay: 0.2 }, { ...rate, clipNorm: 0.05 }, { learningRate: 0 }]) {
        for (const { hidden, targets } of batches(3, { seed: 6 })) {
          const { loss: value, dHidden, losses, apply } = halves.forward(hidden, targets)
          const result = whole.step(hidden, targets, options)
          expect({ loss: value, dHidden, ...apply(options) }).toEqual(result)
          expect(losses.length).toBe(8)
          expect(losses.reduce((sum, each) => sum + each / 8, 0)).toBeCloseTo(value, 6)
        }
      }
      expect(fate(halves)).toEqual(fate(whole))
    })

    test('forward without apply, evaluate, logits, topK, rows and biases leave no trace', () => {
      const [read, untouched] = [trained({ loss }), trained({ loss })]
      for (let round = 0; round < 3; round++) {
        read.forward(more.hidden, more.targets)
        read.evaluate(other.hidden, other.targets)
        read.logits(more.hidden, Int32Array.of(0, 149, 0))
        read.topK(more.hidden, 5)
        read.rows(range(0, 50))
        read.biases(range(20, 150))
        train(read, [other])
        train(untouched, [other])
      }
      expect(fate(read)).toEqual(fate(untouched))
    })
  })

  test('apply may come after other reads', () => {
    const [head, plain] = [trained(), trained()]
    const { apply } = head.forward(more.hidden, more.targets)
    head.evaluate(other.hidden, other.targets)
    head.forward(other.hidden, other.targets)
    head.topK(other.hidden, 3)
    head.rows(range(0, 150))
    apply(rate)
    train(plain, [more])
    expect(fate(head)).toEqual(fate(plain))
  })

  test('apply keeps to the examples it was made from', () => {
    const [head, plain] = [trained(), trained()]
    const { hidden, targets } = structuredClone(more)
    const { apply } = head.forward(hidden, targets)
    hidden.fill(Number.NaN)
    if ('indptr' in targets) targets.indices.fill(-1)
    apply(rate)
    train(plain, [more])
    expect(fate(head)).toEqual(fate(plain))
  })

  test('apply twice, or after the weights have changed, is an error and does nothing', () => {
    const [head, plain] = [trained(), trained()]
    const first = head.forward(more.hidden, more.targets)
    const second = head.forward(other.hidden, other.targets)
    first.apply(rate)
    expect(() => first.apply(rate)).toThrow(stale)
    expect(() => second.apply(rate)).toThrow(stale)
    const third = head.forward(other.hidden, other.targets)
    train(head, [more])
    expect(() => third.apply(rate)).toThrow(stale)
    train(plain, [more, more])
    expect(fate(head)).toEqual(fate(plain))
  })

  test('apply that fails for its options can be called again', () => {
    const [head, plain] = [trained(), trained()]
    const { apply } = head.forward(more.hidden, more.targets)
    expect(() => apply({ learningRate: Number.NaN })).toThrow(RangeError)
    apply(rate)
    train(plain, [more])
    expect(fate(head)).toEqual(fate(plain))
  })

  test('apply after close is an error', () => {
    const head = trained()
    const { apply } = head.forward(more.hidden, more.targets)
    head.close()
    expect(() => apply(rate)).toThrow(expect.objectContaining({ code: 'WIDEHEAD_CLOSED' }))
  })

  test.skipIf(estimates)('evaluate is forward without gradients', () => {
    const head = trained()
    const { loss, losses } = head.forward(more.hidden, more.targets)
    const evaluation = head.evaluate(more.hidden, more.targets)
    expect(evaluation.losses).toEqual(losses)
    expect(evaluation.loss).toBeCloseTo(loss, 10)
  })

  test('two heads do not know each other', () => {
    const [a, b, plain] = [trained(), smallHead(create, { init: randomInit(9, true) }), trained()]
    const { apply } = a.forward(more.hidden, more.targets)
    train(b, examples)
    apply(rate)
    b.close()
    train(plain, [more])
    expect(weightsOf(a)).toEqual(weightsOf(plain))
    expect(a.numClasses).toBe(size.numClasses)
  })
}
