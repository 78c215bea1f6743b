// What only the hierarchical softmax promises: a distribution over the classes, found and trained without a pass over all of them.
// Its mathematics is held against float64 in native/test/hierarchical_softmax_head_test.cc.

import { afterAll, describe, expect, test } from 'vitest'
import { HierarchicalSoftmaxHead, type HierarchicalSoftmaxOptions, setThreads, threads } from '../lib/index.js'
import { range } from './judge/compare.js'
import { Random } from './judge/random.js'
import { Stream } from './judge/stream.js'
import * as misuse from './misuse/calls.js'

const hiddenSize = 12
const before = threads()
afterAll(() => setThreads(before))

function zipfCounts(numClasses: number): Float64Array {
  // 389 is prime: which classes are frequent has nothing to do with their ids.
  return Float64Array.from({ length: numClasses }, (_, c) => Math.floor(10_000 / (1 + ((c * 389) % numClasses))))
}

/** A head in the middle of its training. */
function trained(changes: Partial<HierarchicalSoftmaxOptions> = {}): HierarchicalSoftmaxHead {
  const numClasses = changes.numClasses ?? 700
  const head = new HierarchicalSoftmaxHead({
    numClasses,
    hiddenSize,
    bias: true,
    counts: zipfCounts(numClasses),
    optimizer: { kind: 'adagrad' },
    ...changes,
  })
  const stream = new Stream({ numClasses, hiddenSize, batchSize: 32, seed: 4, targets: 'some without' })
  for (let t = 0; t < 40; t++) {
    const { hidden, targets } = stream.next()
    head.step(hidden, targets, { learningRate: 0.2 })
  }
  return head
}

function examples(m: number, seed = 8): Float32Array {
  return Float32Array.from(new Random(seed).normals(m * hiddenSize))
}

test.each([1, 2, 3, 700])('the probabilities of %i classes add up to 1', (numClasses) => {
  const head = trained({ numClasses })
  const hidden = examples(20)
  const logits = head.logits(hidden, range(0, numClasses))
  for (let j = 0; j < 20; j++) {
    const logP = logits.subarray(j * numClasses, (j + 1) * numClasses)
    expect(Math.abs(logP.reduce((sum, x) => sum + Math.exp(x), 0) - 1)).toBeLessThan(1e-6)
    // The loss of each class in turn, in float64.
    const every = new Float32Array(numClasses * hiddenSize)
    for (let c = 0; c < numClasses; c++)
      every.set(hidden.subarray(j * hiddenSize, (j + 1) * hiddenSize), c * hiddenSize)
    const { losses } = head.evaluate(every, range(0, numClasses))
    expect(Math.abs(losses.reduce((sum, loss) => sum + Math.exp(-loss), 0) - 1)).toBeLessThan(1e-12)
    losses.forEach((loss, c) => {
      expect(Math.fround(-loss)).toBeCloseTo(logP[c], 5)
    })
  }
})

test.each([1, 5, 100, 700])('the best %i of 700 are those of brute force', (k) => {
  const head = trained()
  const m = 25
  const hidden = examples(m)
  const logits = head.logits(hidden, range(0, 700))
  const best = head.topK(hidden, k)
  for (let j = 0; j < m; j++) {
    const o = logits.subarray(j * 700, (j + 1) * 700)
    const ranked = range(0, 700).sort((a, b) => o[b] - o[a] || a - b)
    expect(best.classes.subarray(j * k, (j + 1) * k)).toEqual(ranked.slice(0, k))
    expect(best.logits.subarray(j * k, (j + 1) * k)).toEqual(Float32Array.from(ranked.slice(0, k), (c) => o[c]))
  }
})

test('equal probabilities: the lower ids first', () => {
  const balanced = new HierarchicalSoftmaxHead({ numClasses: 64, hiddenSize })
  const { classes, logits } = balanced.topK(examples(1), 5)
  expect(classes).toEqual(Int32Array.of(0, 1, 2, 3, 4))
  for (const logP of logits) expect(logP).toBeCloseTo(-Math.log(64), 6)
})

test('a frequent class is a short way from the root', () => {
  const head = new HierarchicalSoftmaxHead({ numClasses: 4, hiddenSize, counts: Int32Array.of(1, 100, 10, 1) })
  const logits = head.logits(examples(1), range(0, 4))
  const depths = Array.from(logits, (logP) => Math.round(-logP / Math.LN2)) // untrained: each decision is 1/2
  expect(depths).toEqual([3, 1, 2, 3])
  expect(head.diagnostics().depth).toBe(3)
})

test('the gradient for the hidden vectors is that of finite differences', () => {
  const head = trained()
  const hidden = examples(4)
  const targets = {
    indptr: Int32Array.of(0, 2, 2, 3, 6),
    indices: Int32Array.of(5, 699, 17, 3, 80, 3),
    values: Float32Array.of(0.5, 0.5, 1, 2, 0.25, 1),
  }
  const { dHidden } = head.forward(hidden, targets)
  const step = 2 ** -7
  const lossAt = (i: number, by: number) => {
    const moved = hidden.slice()
    moved[i] += by
    return head.evaluate(moved, targets).loss
  }
  for (let i = 0; i < hidden.length; i++) {
    const wide = (lossAt(i, 2 * step) - lossAt(i, -2 * step)) / (4 * step)
    const narrow = (lossAt(i, step) - lossAt(i, -step)) / (2 * step)
    expect(Math.abs(dHidden[i] - (4 * narrow - wide) / 3)).toBeLessThan(1e-4)
  }
})

test('learns any distribution: the biases alone can say it', () => {
  const share = [0.5, 0.2, 0.05, 0.15, 0.1]
  const head = new HierarchicalSoftmaxHead({ numClasses: 5, hiddenSize: 1, bias: true })
  const targets = { indptr: Int32Array.of(0, 5), indices: range(0, 5), values: Float32Array.from(share) }
  const nothing = new Float32Array(1)
  for (let t = 0; t < 500; t++) head.step(nothing, targets, { learningRate: 2 })
  const entropy = -share.reduce((sum, p) => sum + p * Math.log(p), 0)
  expect(head.evaluate(nothing, targets).loss).toBeCloseTo(entropy, 6)
  head.logits(nothing, range(0, 5)).forEach((logP, c) => {
    expect(Math.exp(logP)).toBeCloseTo(share[c], 5)
  })
})

test('one class: nothing to decide', () => {
  const head = new HierarchicalSoftmaxHead({
    numClasses: 1,
    hiddenSize,
    init: { kind: 'normal', scale: 1 },
    counts: Int32Array.of(3),
  })
  const row = head.rows(range(0, 1))
  const step = head.step(examples(2), Int32Array.of(0, 0), { learningRate: 1, weightDecay: 0.5 })
  expect(step).toEqual({ loss: 0, dHidden: new Float32Array(2 * hiddenSize), gradNorm: 0 })
  expect(head.rows(range(0, 1))).toEqual(row)
  expect(head.topK(examples(1), 1)).toEqual({ classes: Int32Array.of(0), logits: Float32Array.of(0) })
  expect(head.diagnostics().depth).toBe(0)
})

test('rows are those of the nodes: of other classes’ paths nothing changes', () => {
  const head = new HierarchicalSoftmaxHead({ numClasses: 64, hiddenSize, init: { kind: 'normal', scale: 0.1 } })
  const rows = head.rows(range(0, 64))
  head.step(examples(1), Int32Array.of(9), { learningRate: 0.5, weightDecay: 0.1 })
  const after = head.rows(range(0, 64))
  const changed = [...range(0, 64)].filter((i) => {
    return after.slice(i * hiddenSize, (i + 1) * hiddenSize).some((w, k) => w !== rows[i * hiddenSize + k])
  })
  expect(changed.length).toBe(6) // log2(64) decisions
  expect(changed[0]).toBe(0) // the root
  expect(changed).not.toContain(63) // no node
})

test('weights and counts make the same head again', () => {
  const head = trained()
  const init = { kind: 'weights', weights: head.rows(range(0, 700)), biases: head.biases(range(0, 700)) } as const
  const again = new HierarchicalSoftmaxHead({ numClasses: 700, hiddenSize, bias: true, counts: zipfCounts(700), init })
  expect(again.topK(examples(5), 20)).toEqual(head.topK(examples(5), 20))
})

test.each(['sgd', 'adagrad', 'adam'] as const)('threads do not show, %s', (kind) => {
  const runs = [1, 2, 3].map((count) => {
    setThreads(count)
    const head = trained({ numClasses: 400, optimizer: { kind } })
    return [head.rows(range(0, 400)), head.topK(examples(20), 7), head.logits(examples(20), range(0, 400))]
  })
  expect(runs[1]).toEqual(runs[0])
  expect(runs[2]).toEqual(runs[0])
})

test('counts of chains that would be hundreds deep', () => {
  const counts = Float64Array.from({ length: 600 }, (_, c) => 2 ** c)
  const head = trained({ numClasses: 600, counts })
  expect(head.diagnostics().depth).toBeLessThanOrEqual(64)
  const logits = head.logits(examples(3), range(0, 600))
  for (let j = 0; j < 3; j++) {
    const sum = logits.subarray(j * 600, (j + 1) * 600).reduce((sum, x) => sum + Math.exp(x), 0)
    expect(Math.abs(sum - 1)).toBeLessThan(1e-6)
  }
})

describe('wrong options', () => {
  const gone = new Float64Array(3)
  structuredClone(gone.buffer, { transfer: [gone.buffer] })
  test.each([
    { what: 'a plain array', counts: [1, 2, 3], type: TypeError, says: /counts.*Float64Array or Int32Array.*Array/ },
    { what: 'Float32Array', counts: new Float32Array(3), type: TypeError, says: /counts.*Float32Array/ },
    { what: 'null', counts: null, type: TypeError, says: /counts.*null/ },
    { what: 'shared', counts: new Float64Array(new SharedArrayBuffer(24)), type: TypeError, says: /counts.*Shared/ },
    { what: 'detached', counts: gone, type: TypeError, says: /counts was detached/ },
    { what: 'too short', counts: Float64Array.of(1, 2), type: RangeError, says: /counts.*numClasses = 3, got 2/ },
    { what: 'too long', counts: new Int32Array(4), type: RangeError, says: /counts.*numClasses = 3, got 4/ },
    { what: 'NaN', counts: Float64Array.of(1, Number.NaN, 2), type: RangeError, says: /counts.*NaN at index 1/ },
    { what: 'negative', counts: Int32Array.of(1, 2, -7), type: RangeError, says: /counts.*-7.*index 2/ },
    { what: 'infinite', counts: Float64Array.of(1 / 0, 0, 0), type: RangeError, says: /counts.*Infinity at index 0/ },
    {
      what: 'a sum past float64',
      counts: Float64Array.of(1e308, 1e308, 0),
      type: RangeError,
      says: /counts.*finite sum/,
    },
  ])('counts: $what', ({ counts, type, says }) => {
    const create = () => new HierarchicalSoftmaxHead({ numClasses: 3, hiddenSize, counts: counts as Int32Array })
    expect(create).toThrow(type)
    expect(create).toThrow(says)
    expect(create).toThrow(expect.objectContaining({ code: expect.stringMatching(/^WIDEHEAD_/) }))
  })

  test('counts that float64 hardly holds make a tree', () => {
    const counts = new Float64Array(5000)
    for (let i = 0, a = 5e-324, b = 5e-324; i < 58; i++, [a, b] = [b, a + b]) counts[i] = a // the deepest of trees
    const head = new HierarchicalSoftmaxHead({ numClasses: counts.length, hiddenSize, counts })
    expect(head.diagnostics().depth).toBeLessThanOrEqual(64)
    const loss = head.step(examples(1), Int32Array.of(0), { learningRate: 0.1 }).loss
    expect(loss).toBeLessThanOrEqual(64 * Math.LN2 + 1e-3)
  })

  test('a loss of many targets is a number', () => {
    // Nodes of equal weight one after the other, each with a probability of a half: 2^2000 is none.
    const [numClasses, count] = [4096, 2048]
    const head = new HierarchicalSoftmaxHead({ numClasses, hiddenSize, init: { kind: 'zeros' } })
    const indices = Int32Array.from({ length: count }, (_, i) => (i < count / 2 ? 4 * i : 4 * (i - count / 2) + 2))
    const targets = { indptr: Int32Array.of(0, count), indices }
    expect(head.evaluate(examples(1), targets).loss).toBeCloseTo(count * 12 * Math.LN2, 4)
  })

  test('counts of 0 are counts', () => {
    for (const counts of [new Int32Array(3), Int32Array.of(0, 5, 0)]) {
      const head = new HierarchicalSoftmaxHead({ numClasses: 3, hiddenSize, counts })
      expect(head.step(examples(1), Int32Array.of(0), { learningRate: 0.1 }).loss).toBeCloseTo(2 * Math.LN2, 6)
    }
  })

  test('a loss', () => {
    const options = { numClasses: 3, hiddenSize, loss: { name: 'z-loss' } }
    expect(() => new HierarchicalSoftmaxHead(options)).toThrow(/loss.*hierarchical-softmax/)
  })

  test('counts are read once', () => {
    const counts = Float64Array.of(1, 2, 30)
    const head = new HierarchicalSoftmaxHead({ numClasses: 3, hiddenSize, counts })
    const logits = head.logits(examples(1), range(0, 3))
    counts.fill(Number.NaN)
    expect(head.logits(examples(1), range(0, 3))).toEqual(logits)
  })
})

describe('wrong calls', () => {
  const { numClasses, hiddenSize, rightHidden, rightTargets, rightOptions } = misuse
  const started = () => {
    const init = { kind: 'normal', scale: 0.4 } as const
    const head = new HierarchicalSoftmaxHead({ numClasses, hiddenSize, init, counts: zipfCounts(numClasses) })
    head.step(rightHidden(), rightTargets(), rightOptions())
    return head
  }
  /** All weights, the number of steps and what the next step does. */
  const state = (head: HierarchicalSoftmaxHead) => {
    const { steps } = head.diagnostics()
    return [head.rows(range(0, 10)), steps, head.step(rightHidden(), rightTargets(), rightOptions())]
  }
  const right = {
    hidden: rightHidden() as unknown,
    targets: rightTargets() as unknown,
    options: rightOptions() as unknown,
  }

  test.each([
    ...misuse.HIDDEN_MISUSES.map((each) => ({ ...right, argument: 'hidden', ...each })),
    ...misuse.TARGETS_MISUSES.map((each) => ({ ...right, argument: 'targets', ...each })),
    ...misuse.SPARSE_MISUSES.map((each) => ({ ...right, argument: 'sparse targets', ...each })),
    ...misuse.OPTIONS_MISUSES.map((each) => ({ ...right, argument: 'options', ...each })),
  ])('$argument: $what', async ({ hidden, targets, options, type, code, says }) => {
    const head = started()
    const args = [hidden, targets, options] as Parameters<typeof head.step>
    const caught = [await head.stepAsync(...args).catch((error) => error)]
    try {
      head.step(...args)
    } catch (error) {
      caught.push(error)
    }
    expect(caught.length).toBe(2)
    for (const error of caught) {
      expect(error).toMatchObject({ name: type, code })
      for (const part of says) expect(error.message).toContain(part)
    }
    expect(state(head)).toEqual(state(started()))
  })

  test('outputs that overflow fail the step', () => {
    const head = new HierarchicalSoftmaxHead({ numClasses, hiddenSize, init: { kind: 'normal', scale: 1e6 } })
    const rows = head.rows(range(0, 10))
    const overflow = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_LOSS' })
    const hidden = new Float32Array(3 * hiddenSize).fill(3e38)
    expect(() => head.step(hidden, rightTargets(), rightOptions())).toThrow(overflow)
    expect(() => head.evaluate(hidden, rightTargets())).toThrow(overflow)
    expect(head.rows(range(0, 10))).toEqual(rows)
    expect(head.diagnostics().steps).toBe(0)
  })
})
