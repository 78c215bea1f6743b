// Each misuse of a trunk has its error, and leaves the trunk as it was.

import { expect, it } from 'vitest'
import { type BagInput, Trunk, type TrunkOptions } from '../lib/trunk.js'
import { bytesOf, SMALL } from './trunk-reference.js'

const good: BagInput = { indptr: Int32Array.of(0, 1, 3), indices: Int32Array.of(1, 2, 19) }

function detached<T extends Float32Array | Int32Array>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] })
  return array
}

const inputs: [string, unknown, string][] = [
  ['null', null, 'WIDEHEAD_INVALID_TYPE'],
  ['an array', [0, 1], 'WIDEHEAD_INVALID_TYPE'],
  ['indptr of doubles', { ...good, indptr: Float64Array.of(0, 1, 3) }, 'WIDEHEAD_INVALID_TYPE'],
  ['indices of 16 bits', { ...good, indices: Int16Array.of(1, 2, 3) }, 'WIDEHEAD_INVALID_TYPE'],
  ['values of doubles', { ...good, values: Float64Array.of(1, 2, 3) }, 'WIDEHEAD_INVALID_TYPE'],
  ['shared ids', { ...good, indices: new Int32Array(new SharedArrayBuffer(12)) }, 'WIDEHEAD_INVALID_TYPE'],
  ['detached ids', { ...good, indices: detached(Int32Array.of(1, 2, 3)) }, 'WIDEHEAD_DETACHED'],
  ['detached values', { ...good, values: detached(Float32Array.of(1, 2, 3)) }, 'WIDEHEAD_DETACHED'],
  ['an id too large', { ...good, indices: Int32Array.of(1, 2, 20) }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['a negative id', { ...good, indices: Int32Array.of(1, -1, 3) }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['half an example', { ...good, indptr: Int32Array.of(0, 3) }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['no example', { indptr: Int32Array.of(0), indices: new Int32Array(0) }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['no offset', { indptr: new Int32Array(0), indices: new Int32Array(0) }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['offsets not from 0', { ...good, indptr: Int32Array.of(1, 1, 3) }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['offsets that fall', { ...good, indptr: Int32Array.of(0, 4, 3) }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['a negative offset', { ...good, indptr: Int32Array.of(0, -1, 3) }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['offsets that end early', { ...good, indptr: Int32Array.of(0, 1, 2) }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['values too few', { ...good, values: Float32Array.of(1, 2) }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['a NaN', { ...good, values: Float32Array.of(1, Number.NaN, 2) }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['an Infinity', { ...good, values: Float32Array.of(1, 2, Number.NEGATIVE_INFINITY) }, 'WIDEHEAD_OUT_OF_RANGE'],
]
it.each(inputs)('input: %s', (_, input, code) => {
  using trunk = new Trunk(SMALL)
  const before = bytesOf(trunk)
  trunk.forward(good)
  expect(() => trunk.forward(input as BagInput)).toThrow(expect.objectContaining({ code }))
  expect(() => trunk.evaluate(input as BagInput)).toThrow(expect.objectContaining({ code }))
  expect(bytesOf(trunk)).toBe(before)
  trunk.backward(new Float32Array(5), { learningRate: 1 }) // the forward pass before is as good as it was
})

const learningRate = 0.1
const calls: [string, unknown, unknown, string][] = [
  ['an array', [1, 2, 3, 4, 5], { learningRate }, 'WIDEHEAD_INVALID_TYPE'],
  ['shared', new Float32Array(new SharedArrayBuffer(20)), { learningRate }, 'WIDEHEAD_INVALID_TYPE'],
  ['detached', detached(new Float32Array(5)), { learningRate }, 'WIDEHEAD_DETACHED'],
  ['too short', new Float32Array(4), { learningRate }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['a NaN', Float32Array.of(1, 2, 3, 4, Number.NaN), { learningRate }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['an Infinity', Float32Array.of(Number.POSITIVE_INFINITY, 2, 3, 4, 5), { learningRate }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['a gradient out of bounds', new Float32Array(5).fill(1e30), { learningRate }, 'WIDEHEAD_LOSS'],
  ['no options', new Float32Array(5), undefined, 'WIDEHEAD_INVALID_TYPE'],
  ['no learning rate', new Float32Array(5), {}, 'WIDEHEAD_INVALID_TYPE'],
  ['a negative learning rate', new Float32Array(5), { learningRate: -1 }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['a learning rate of NaN', new Float32Array(5), { learningRate: Number.NaN }, 'WIDEHEAD_OUT_OF_RANGE'],
  ['a learning rate beyond float32', new Float32Array(5), { learningRate: 1e39 }, 'WIDEHEAD_OUT_OF_RANGE'],
]
it.each(calls)('backward: %s', (_, dHidden, options, code) => {
  using trunk = new Trunk({ ...SMALL, layers: [{ size: 5, activation: 'linear' }] })
  const before = bytesOf(trunk)
  trunk.forward(good)
  const call = () => trunk.backward(dHidden as Float32Array, options as { learningRate: number })
  expect(call).toThrow(expect.objectContaining({ code }))
  expect(bytesOf(trunk)).toBe(before)
  trunk.backward(new Float32Array(5).fill(1), { learningRate })
  expect(bytesOf(trunk)).not.toBe(before)
})

it('backward needs a forward of its own', () => {
  using trunk = new Trunk(SMALL)
  const stale = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_STALE' })
  const backward = () => trunk.backward(new Float32Array(5), { learningRate })
  expect(backward).toThrow(stale)
  trunk.evaluate(good)
  expect(backward).toThrow(stale)
  trunk.forward(good)
  backward()
  expect(backward).toThrow(stale)
  trunk.forward(good)
  trunk.setParameters(trunk.parameters(['layers.1.bias']))
  expect(backward).toThrow(stale)
})

it('setParameters checks all before it changes any', () => {
  using trunk = new Trunk(SMALL)
  const before = bytesOf(trunk)
  const list = () => trunk.parameters().map((parameter) => ({ ...parameter, data: parameter.data.map((x) => x + 1) }))
  const spoilt: [(last: { name: string; shape: unknown; data: unknown }) => void, string][] = [
    [(last) => (last.name = 'bias'), 'WIDEHEAD_OUT_OF_RANGE'],
    [(last) => (last.name = 'embedding'), 'WIDEHEAD_OUT_OF_RANGE'],
    [(last) => (last.shape = [1, 5]), 'WIDEHEAD_OUT_OF_RANGE'],
    [(last) => (last.data = new Float32Array(4)), 'WIDEHEAD_OUT_OF_RANGE'],
    [(last) => (last.data = new Float32Array(5).fill(Number.NaN)), 'WIDEHEAD_OUT_OF_RANGE'],
    [(last) => (last.data = [1, 2, 3, 4, 5]), 'WIDEHEAD_INVALID_TYPE'],
  ]
  for (const [spoil, code] of spoilt) {
    const parameters = list()
    spoil(parameters[4])
    expect(() => trunk.setParameters(parameters)).toThrow(expect.objectContaining({ code }))
  }
  const twice = [...list(), list()[4]]
  expect(() => trunk.setParameters(twice)).toThrow(/once/)
  expect(() => trunk.setParameters(null as never)).toThrow(TypeError)
  expect(() => trunk.parameters(['nothing'])).toThrow(RangeError)
  for (const [from, to] of [
    [-1, 2],
    [3, 2],
    [0, 21],
    [0.5, 1],
  ])
    expect(() => trunk.rows(from, to)).toThrow(RangeError)
  expect(() => trunk.setRows(19, new Float32Array(12))).toThrow(/data must be 0 to 1 rows of 6 numbers, got 12/)
  expect(() => trunk.setRows(0, new Float32Array(5))).toThrow(RangeError)
  expect(() => trunk.setRows(0, new Float32Array(6).fill(Number.NaN))).toThrow(/data\[0\] must be finite, got NaN/)
  expect(bytesOf(trunk)).toBe(before)
})

const options: [object, string][] = [
  [{ vocabularySize: 0 }, 'vocabularySize'],
  [{ vocabularySize: 2 ** 31 }, 'vocabularySize'],
  [{ vocabularySize: '9' }, 'vocabularySize'],
  [{ embeddingSize: 1.5 }, 'embeddingSize'],
  [{ embeddingSize: 65537 }, 'embeddingSize'],
  [{ embeddingSize: 65536, slots: 17 }, 'slots * embeddingSize'],
  [{ slots: 0 }, 'slots'],
  [{ combine: 'max' }, 'combine'],
  [{ layers: {} }, 'layers'],
  [{ layers: [{ size: 0, activation: 'tanh' }] }, 'layers[0].size'],
  [{ layers: [{ size: 1, activation: 'gelu' }] }, 'layers[0].activation'],
  [{ optimizer: 'adam' }, 'optimizer'],
  [{ optimizer: { kind: 'rmsprop' } }, 'optimizer.kind'],
  [{ optimizer: { kind: 'toString' } }, 'optimizer.kind'],
  [{ optimizer: { kind: 'adagrad', epsilon: 0 } }, 'optimizer.epsilon'],
  [{ optimizer: { kind: 'adagrad', rowwise: 1 } }, 'optimizer.rowwise'],
  [{ optimizer: { kind: 'adam', beta1: 1 } }, 'optimizer.beta1'],
  [{ optimizer: { kind: 'adam', beta2: Number.NaN } }, 'optimizer.beta2'],
  [{ clipNorm: 0 }, 'clipNorm'],
  [{ embeddingScale: -1 }, 'embeddingScale'],
  [{ seed: 2 ** 53 }, 'seed'],
]
it.each(options)('options: %j', (wrong, name) => {
  const make = () => new Trunk({ ...SMALL, ...wrong } as TrunkOptions)
  expect(make).toThrow(new RegExp(`^${name.replace(/[[\].*]/g, '\\$&')} `))
  expect(make).toThrow(expect.objectContaining({ code: expect.stringMatching(/INVALID_TYPE|OUT_OF_RANGE/) }))
})

it('a table that no machine holds', () => {
  const make = () => new Trunk({ vocabularySize: 2 ** 31 - 1, embeddingSize: 65536 })
  expect(make).toThrow(expect.objectContaining({ name: 'RangeError', code: 'WIDEHEAD_OUT_OF_MEMORY' }))
})

it('closed', () => {
  const trunk = new Trunk(SMALL)
  const parameters = trunk.parameters()
  trunk.close()
  trunk.close()
  expect(trunk.closed).toBe(true)
  const calls = [
    () => trunk.forward(good),
    () => trunk.evaluate(good),
    () => trunk.backward(new Float32Array(5), { learningRate }),
    () => trunk.parameters(),
    () => trunk.setParameters(parameters),
    () => trunk.rows(0, 1),
    () => trunk.setRows(0, new Float32Array(6)),
  ]
  for (const call of calls) expect(call).toThrow(expect.objectContaining({ code: 'WIDEHEAD_CLOSED' }))
})
