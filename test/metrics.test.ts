import { describe, expect, it } from 'vitest'
import { inversePropensities, LabelPrecision, type Metrics, NextItem, SetRecall, TopAccuracy } from '../lib/metrics.js'

function score(metrics: Metrics, examples: [number[], number[], number?][]): Record<string, number> {
  for (const [ranked, truth, missing = 0] of examples)
    metrics.add(Int32Array.from(ranked), Int32Array.from(truth), missing)
  return metrics.result()
}

const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i)

describe('TopAccuracy', () => {
  it('counts first places and first tens', () => {
    const ten = range(0, 10)
    const scores = score(new TopAccuracy(), [
      [ten, [0]],
      [ten, [9]],
      [ten, [10]],
      [ten, [3]],
    ])
    expect(scores).toEqual({ top1: 1 / 4, top10: 3 / 4 })
  })
})

describe('NextItem', () => {
  it('adds 1 / rank of hits among 20', () => {
    const scores = score(new NextItem(), [
      [range(0, 20), [0]],
      [range(0, 20), [3]],
      [range(0, 25), [20]],
      [range(0, 20), [], 1],
    ])
    expect(scores).toEqual({ 'hr@20': 2 / 4, 'mrr@20': (1 + 1 / 4) / 4 })
  })
})

describe('SetRecall', () => {
  it('follows the definitions of recall and NDCG', () => {
    // Hits at ranks 1 and 3 of three true items, one of which the model has no class for.
    const log = Math.log2
    const ndcg = (1 / log(2) + 1 / log(4)) / (1 / log(2) + 1 / log(3) + 1 / log(4))
    const one = score(new SetRecall(), [[[7, 1, 8], [7, 8], 1]])
    expect(one['recall@20']).toBeCloseTo(2 / 3, 14)
    expect(one['ndcg@20']).toBeCloseTo(ndcg, 14)
  })

  it('divides by all true items, but never expects more than 20 in 20 places', () => {
    const scores = score(new SetRecall(), [[range(0, 20), range(0, 40)]])
    expect(scores['recall@20']).toBe(0.5)
    expect(scores['ndcg@20']).toBeCloseTo(1, 14)
  })

  it('averages over examples that have true items', () => {
    const scores = score(new SetRecall(), [
      [[1], [1]],
      [[1], [2]],
      [[1], []],
    ])
    expect(scores).toEqual({ 'recall@20': 0.5, 'ndcg@20': 0.5 })
  })
})

describe('LabelPrecision', () => {
  it('divides hits by k, and weighted hits by the best there could be', () => {
    const weights = Float64Array.of(1, 2, 4, 8, 16)
    const scores = score(new LabelPrecision(weights), [
      [
        [0, 3, 1],
        [3, 0],
      ],
      [[2, 1], [4]],
    ])
    expect(scores['p@1']).toBe(1 / 2)
    expect(scores['p@3']).toBe(2 / 6)
    expect(scores['p@5']).toBe(2 / 10)
    expect(scores['psp@1']).toBe(1 / (8 + 16))
    expect(scores['psp@3']).toBe(9 / (9 + 16))
  })

  it('counts examples without labels as all wrong', () => {
    expect(
      score(new LabelPrecision(Float64Array.of(1)), [
        [[0], [0]],
        [[0], []],
      ])['p@1'],
    ).toBe(0.5)
  })

  it('weighs by the propensities of Jain et al.', () => {
    // N = 1000, label seen 10 times: C = (ln 1000 - 1) 2.5^0.55 = 9.7788, 1/p = 1 + C 11.5^-0.55
    const [weight] = inversePropensities(Float64Array.of(10), 1000)
    const c = (Math.log(1000) - 1) * 2.5 ** 0.55
    expect(c).toBeCloseTo(9.7788, 3)
    expect(weight).toBeCloseTo(1 + c / 11.5 ** 0.55, 12)
    expect(weight).toBeCloseTo(3.5525, 3)
  })
})
