// What a bound head promises beside its numbers: when it is updated, which ids it takes, what memory it leaves, what it refuses.

import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { bindTfjs, ExactHead, squaredError, type TensorFlow } from '../../lib/index.js'
import { range } from '../judge/compare.js'
import { BACKENDS, minibatch, size, startingWeights, TfTrunk, values } from './model.js'

const rate = { learningRate: 0.01 }
const all = range(0, size.numClasses)
const { weights } = startingWeights(3)
const create = () => new ExactHead({ ...size, loss: squaredError(), init: { kind: 'weights', weights } })
const { headLoss } = bindTfjs(tf)
const code = (expected: string) => expect.objectContaining({ code: expected })

describe.each(BACKENDS)('on the %s backend', (backend) => {
  beforeAll(async () => {
    expect(await tf.setBackend(backend)).toBe(true)
  })
  afterEach(() => tf.disposeVariables())

  test('the loss alone changes nothing, the backward pass makes one update', () => {
    const [head, trunk] = [create(), new TfTrunk()]
    const { x, targets } = minibatch(1)
    const loss = headLoss(head, rate)
    const alone: tf.Scalar = tf.tidy(() => loss(trunk.forward(x), targets))
    expect(alone.dataSync()[0]).toBeCloseTo(head.evaluate(values(trunk.forward(x)), targets).loss, 4)
    expect(head.rows(all)).toEqual(weights)

    const twin = create()
    const right = twin.step(values(trunk.forward(x)), targets, rate)
    const [dHidden] = tf.grads((hidden) => loss(hidden, targets))([trunk.forward(x)])
    expect(values(dHidden)).toEqual(right.dHidden)
    expect(head.diagnostics().steps).toBe(1)
    expect(head.rows(all)).toEqual(twin.rows(all))
  })

  test('targets in every form are the same targets', () => {
    const { x, targets } = minibatch(2)
    const hidden = new TfTrunk().forward(x)
    const forms = [
      targets,
      Uint32Array.from(targets),
      tf.tensor1d(targets),
      tf.tensor1d([...targets], 'int32'),
      { indptr: range(0, targets.length + 1), indices: targets },
    ]
    const losses = forms.map((form) => values(headLoss(create(), rate)(hidden, form))[0])
    expect(losses).toEqual(losses.map(() => losses[0]))
  })

  test('an id above 2^24, where float32 skips every other number', () => {
    const id = 2 ** 24 + 1
    const head = new ExactHead({ numClasses: 2 ** 24 + 10, hiddenSize: 2, loss: squaredError() })
    const hidden = tf.tensor2d([1, 2], [1, 2])
    for (const targets of [tf.tensor1d([id], 'int32'), Int32Array.of(id)]) {
      tf.grads((h) => headLoss(head, rate)(h, targets))([hidden])
    }
    const [below, itself, above] = [id - 1, id, id + 1].map((row) => head.rows(Int32Array.of(row)))
    expect(itself[0]).toBeGreaterThan(0)
    expect(itself[1]).toBeCloseTo(2 * itself[0], 6)
    expect([...below, ...above].map(Math.abs)).toEqual([0, 0, 0, 0])
  })

  test('tensors whose data are of another type than their own, as casts leave them on the cpu backend', () => {
    const hidden = tf.tensor2d([1, -2, 3, 0, 1, 0, 2, 1], [1, 8], 'int32')
    const truths = tf.tensor1d([1], 'bool')
    const plain = headLoss(create(), rate)(tf.tensor2d(Float32Array.from(values(hidden)), [1, 8]), Int32Array.of(1))
    const cast = headLoss(create(), rate)(tf.cast(hidden, 'float32'), tf.cast(truths, 'int32'))
    expect(values(cast)).toEqual(values(plain))
  })

  test('no tensor is left behind, by steps or by errors', () => {
    const [head, trunk] = [create(), new TfTrunk()]
    const { x, targets } = minibatch(3)
    const ids = tf.tensor1d(targets)
    const loss = headLoss(head, rate)
    const optimizer = tf.train.adam(0.01)
    const step = () => optimizer.minimize(() => loss(trunk.forward(x), ids))
    step() // Adam makes its own variables
    const { numTensors, numDataBuffers } = tf.memory()
    for (let i = 0; i < 10; i++) step()
    // An error within a gradient leaves what tfjs saved for the layers below, ours or another: so not within one.
    const wrong = () => tf.tidy(() => loss(trunk.forward(x), Int32Array.of(1)))
    for (let i = 0; i < 3; i++) expect(wrong).toThrow(RangeError)
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers })
  })

  test('a weight of 0 changes nothing, one below 0 is refused before anything changes', () => {
    const [head, trunk] = [create(), new TfTrunk()]
    const { x, targets } = minibatch(4)
    const loss = headLoss(head, { ...rate, weightDecay: 3, clipNorm: 1 })
    const gradients = (weight: number) =>
      tf.variableGrads(() => tf.mul(loss(trunk.forward(x), targets), weight), trunk.variables).grads
    for (const gradient of Object.values(gradients(0))) expect(Math.max(...values(gradient).map(Math.abs))).toBe(0)
    expect(() => gradients(-1)).toThrow(RangeError)
    expect(() => gradients(Number.NaN)).toThrow(/weight of a head's loss/)
    expect(head.rows(all)).toEqual(weights)
  })
})

describe('whatever the backend', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu')
  })
  afterEach(() => tf.disposeVariables())

  test('options are read in each backward pass', () => {
    const [head, twin] = [create(), create()]
    const { x, targets } = minibatch(6)
    const hidden = new TfTrunk().forward(x)
    const options = { learningRate: 0.01 }
    const loss = headLoss(head, options)
    for (const learningRate of [0.01, 0.002]) {
      options.learningRate = learningRate
      tf.grads((h) => loss(h, targets))([hidden])
      twin.step(values(hidden), targets, { learningRate })
    }
    expect(head.rows(all)).toEqual(twin.rows(all))
  })

  test('two losses of one head in a backward pass are an error that says so', () => {
    const loss = headLoss(create(), rate)
    const [one, two] = [minibatch(7), minibatch(8)]
    const trunk = new TfTrunk()
    const total = () => tf.add(loss(trunk.forward(one.x), one.targets), loss(trunk.forward(two.x), two.targets))
    expect(() => tf.variableGrads(total as () => tf.Scalar)).toThrow(code('WIDEHEAD_STALE'))
    expect(() => tf.variableGrads(total as () => tf.Scalar)).toThrow(/one loss of a head/)
  })

  test('two heads on one trunk', () => {
    const heads = [create(), create()]
    const losses = heads.map((head) => headLoss(head, rate))
    const trunk = new TfTrunk()
    const { x, targets } = minibatch(9)
    const before = values(trunk.forward(x))
    tf.variableGrads(() => {
      const hidden = trunk.forward(x)
      return tf.add(losses[0](hidden, targets), losses[1](hidden, targets)) as tf.Scalar
    })
    const twin = create()
    twin.step(before, targets, rate)
    for (const head of heads) expect(head.rows(all)).toEqual(twin.rows(all))
  })

  const hidden = () => tf.zeros([2, size.hiddenSize]) as tf.Tensor2D
  const ids = Int32Array.of(1, 2)
  const call = (h: unknown, targets: unknown) => headLoss(create(), rate)(h as tf.Tensor, targets as Int32Array)

  test.each<[string, () => unknown, string, RegExp]>([
    ['ids in a float32 tensor', () => call(hidden(), tf.tensor1d([1, 2])), 'WIDEHEAD_INVALID_TYPE', /int32.*float32/],
    ['ids in a bool tensor', () => call(hidden(), tf.tensor1d([1, 0], 'bool')), 'WIDEHEAD_INVALID_TYPE', /bool tensor/],
    ['ids in a Float32Array', () => call(hidden(), Float32Array.of(1, 2)), 'WIDEHEAD_INVALID_TYPE', /Float32Array/],
    ['ids of rank 2', () => call(hidden(), tf.tensor2d([1, 2], [2, 1], 'int32')), 'WIDEHEAD_OUT_OF_RANGE', /\[2, 1\]/],
    ['too few ids', () => call(hidden(), tf.tensor1d([1], 'int32')), 'WIDEHEAD_OUT_OF_RANGE', /\[m = 2\], got \[1\]/],
    ['an id that is no class', () => call(hidden(), Int32Array.of(1, 40)), 'WIDEHEAD_OUT_OF_RANGE', /40/],
    ['no targets', () => call(hidden(), undefined), 'WIDEHEAD_INVALID_TYPE', /targets/],
    [
      'sparse rows of tensors',
      () => call(hidden(), { indptr: tf.tensor1d([0, 1, 2], 'int32'), indices: ids }),
      'WIDEHEAD_INVALID_TYPE',
      /targets.indptr/,
    ],
    ['hidden of rank 1', () => call(tf.zeros([8]), ids), 'WIDEHEAD_OUT_OF_RANGE', /\[m, hiddenSize = 8\], got \[8\]/],
    ['hidden of another width', () => call(tf.zeros([2, 7]), ids), 'WIDEHEAD_OUT_OF_RANGE', /got \[2, 7\]/],
    ['hidden of whole numbers', () => call(tf.zeros([2, 8], 'int32'), ids), 'WIDEHEAD_INVALID_TYPE', /float32.*int32/],
    ['hidden that is no tensor', () => call(new Float32Array(16), ids), 'WIDEHEAD_INVALID_TYPE', /hidden/],
    ['hidden that is NaN', () => call(tf.fill([2, 8], Number.NaN), ids), 'WIDEHEAD_OUT_OF_RANGE', /hidden/],
    ['no head', () => headLoss(undefined as never, rate), 'WIDEHEAD_INVALID_TYPE', /head/],
    ['another object', () => headLoss({} as never, rate), 'WIDEHEAD_INVALID_TYPE', /head/],
    ['no rates', () => headLoss(create(), undefined as never), 'WIDEHEAD_INVALID_TYPE', /options/],
    ['a rate below 0', () => headLoss(create(), { learningRate: -1 }), 'WIDEHEAD_OUT_OF_RANGE', /learningRate/],
    ['no tf', () => bindTfjs(undefined as never), 'WIDEHEAD_INVALID_TYPE', /tf/],
    ['another tf', () => bindTfjs({} as TensorFlow), 'WIDEHEAD_INVALID_TYPE', /tf must be TensorFlow.js/],
  ])('%s', (_, wrong, expected, message) => {
    expect(wrong).toThrow(code(expected))
    expect(wrong).toThrow(message)
  })

  test('a head that was closed', () => {
    const head = create()
    const loss = headLoss(head, rate)
    head.close()
    expect(() => loss(hidden(), ids)).toThrow(code('WIDEHEAD_CLOSED'))
  })
})
