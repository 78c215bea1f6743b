import { describe, expect, it } from 'vitest'
import { native } from '../lib/native.js'
import { OPTIMIZER_KINDS } from '../lib/optimizer.js'
import { type BagInput, Trunk, type TrunkOptions } from '../lib/trunk.js'
import { ACTIVATIONS, COMBINES } from '../lib/trunk-options.js'
import { hiddenOf, numericGradient, randomGradient, randomInput, toFloat64 } from './trunk-reference.js'

const OPTIONS: TrunkOptions = {
  vocabularySize: 20,
  embeddingSize: 6,
  slots: 2,
  combine: 'sqrt',
  layers: [
    { size: 9, activation: 'tanh' },
    { size: 5, activation: 'relu' },
  ],
  optimizer: { kind: 'sgd' },
  seed: 3,
}

function bytesOf(trunk: Trunk): string {
  return trunk
    .parameters()
    .map(({ data }) => Buffer.from(data.buffer).toString('hex'))
    .join()
}

function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length)
  let worst = 0
  for (let i = 0; i < actual.length; i++) worst = Math.max(worst, Math.abs(actual[i] - expected[i]))
  expect(worst).toBeLessThan(tolerance)
}

describe('numbers', () => {
  const shapes: TrunkOptions[] = [
    { vocabularySize: 7, embeddingSize: 1 },
    { vocabularySize: 12, embeddingSize: 17, slots: 3, combine: 'mean' },
    { vocabularySize: 12, embeddingSize: 4, layers: [{ size: 3, activation: 'linear' }] },
    OPTIONS,
  ]
  it.each(shapes)('hidden vectors and gradients are those of float64: %j', (shape) => {
    using trunk = new Trunk({ ...shape, optimizer: { kind: 'sgd' } })
    const input = randomInput(trunk.options, 4, 1)
    const dHidden = randomGradient(4 * trunk.hiddenSize, 2)
    const before = toFloat64(trunk.parameters())
    expectNear(trunk.evaluate(input), hiddenOf(before, trunk.options, input), 1e-5)
    expectNear(trunk.forward(input), hiddenOf(before, trunk.options, input), 1e-5)

    const gradient = numericGradient(before, trunk.options, input, dHidden)
    const { gradNorm } = trunk.backward(dHidden, { learningRate: 0.5 })
    expect(gradNorm).toBeCloseTo(Math.sqrt(gradient.flat().reduce((sum, g) => sum + g * g, 0)), 4)
    for (const [k, { data }] of trunk.parameters().entries()) {
      expectNear(
        data,
        before[k].map((w, i) => w - 0.5 * gradient[k][i]),
        2e-5,
      )
    }
  })

  it('clips the norm of all gradients together', () => {
    using free = new Trunk(OPTIONS)
    using clipped = new Trunk({ ...OPTIONS, clipNorm: 0.1 })
    const before = toFloat64(free.parameters())
    const input = randomInput(free.options, 4, 1)
    const dHidden = randomGradient(20, 2)
    for (const trunk of [free, clipped]) trunk.forward(input)
    const { gradNorm } = free.backward(dHidden, { learningRate: 1 })
    expect(clipped.backward(dHidden, { learningRate: 1 })).toEqual({ gradNorm })
    expect(gradNorm).toBeGreaterThan(0.1)
    const after = free.parameters()
    for (const [k, { data }] of clipped.parameters().entries()) {
      expectNear(
        data,
        before[k].map((w, i) => w + ((after[k].data[i] - w) * 0.1) / gradNorm),
        1e-6,
      )
    }
  })

  it('adagrad and adam make a first step of the learning rate, whatever the size of the gradient', () => {
    for (const kind of ['adagrad', 'adam'] as const) {
      for (const size of [1e-4, 1e4]) {
        using trunk = new Trunk({ vocabularySize: 5, embeddingSize: 2, optimizer: { kind } })
        const before = trunk.rows(0, 5)
        trunk.forward({ indptr: Int32Array.of(0, 2), indices: Int32Array.of(4, 4) })
        trunk.backward(Float32Array.of(-size, size), { learningRate: 0.125 })
        const after = trunk.rows(0, 5)
        expectNear(
          after.map((w, i) => w - before[i]),
          [0, 0, 0, 0, 0, 0, 0, 0, 0.125, -0.125],
          2e-5,
        )
      }
    }
  })

  it('rowwise is the default of adagrad and changes the numbers', () => {
    const steps = ([undefined, { kind: 'adagrad', rowwise: true }, { kind: 'adagrad', rowwise: false }] as const).map(
      (optimizer) => {
        using trunk = new Trunk({ ...OPTIONS, optimizer })
        trunk.forward(randomInput(trunk.options, 4, 1))
        trunk.backward(randomGradient(20, 2), { learningRate: 0.1 })
        return bytesOf(trunk)
      },
    )
    expect(steps[0]).toBe(steps[1])
    expect(steps[0]).not.toBe(steps[2])
  })

  it('learns to tell bags apart', () => {
    using trunk = new Trunk({
      vocabularySize: 40,
      embeddingSize: 8,
      layers: [
        { size: 16, activation: 'tanh' },
        { size: 2, activation: 'linear' },
      ],
    })
    const input = {
      indptr: Int32Array.from({ length: 21 }, (_, i) => 2 * i),
      indices: Int32Array.from({ length: 40 }, (_, i) => i),
    }
    const targets = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i * i))
    let loss = 0
    for (let step = 0; step < 300; step++) {
      const error = trunk.forward(input).map((h, i) => h - targets[i])
      loss = error.reduce((sum, e) => sum + e * e, 0)
      trunk.backward(error, { learningRate: 0.05 })
    }
    expect(loss).toBeLessThan(1e-3)
  })

  it('takes Int32Array and Uint32Array, empty bags, and no values as ones', () => {
    using trunk = new Trunk({ ...OPTIONS, layers: [] })
    const signed = { indptr: Int32Array.of(0, 0, 2), indices: Int32Array.of(3, 3) }
    const unsigned = {
      indptr: Uint32Array.from(signed.indptr),
      indices: Uint32Array.from(signed.indices),
      values: Float32Array.of(1, 1),
    }
    const hidden = trunk.evaluate(signed)
    expect(trunk.evaluate(unsigned)).toEqual(hidden)
    expect([...hidden.subarray(0, 6)]).toEqual([0, 0, 0, 0, 0, 0])
    expectNear(
      hidden.subarray(6),
      trunk.rows(3, 4).map((x) => Math.SQRT2 * x),
      1e-6,
    )
  })

  it('does not see what the caller writes to its arrays between forward and backward', () => {
    const [first, second] = [false, true].map((meddle) => {
      using trunk = new Trunk(OPTIONS)
      const input = randomInput(trunk.options, 4, 1)
      const hidden = trunk.forward(input)
      if (meddle) for (const array of [hidden, input.indptr, input.indices, input.values!]) array.fill(0)
      trunk.backward(randomGradient(20, 2), { learningRate: 0.1 })
      return bytesOf(trunk)
    })
    expect(first).toBe(second)
  })
})

describe('parameters', () => {
  it('have names and shapes, and make an equal trunk when set', () => {
    using trunk = new Trunk(OPTIONS)
    expect(trunk.shapes()).toEqual([
      { name: 'embedding', shape: [20, 6] },
      { name: 'layers.0.weight', shape: [9, 12] },
      { name: 'layers.0.bias', shape: [9] },
      { name: 'layers.1.weight', shape: [5, 9] },
      { name: 'layers.1.bias', shape: [5] },
    ])
    expect(trunk.parameters(['layers.0.bias'])).toEqual([trunk.parameters()[2]])
    using other = new Trunk({ ...OPTIONS, seed: 4 })
    expect(bytesOf(other)).not.toBe(bytesOf(trunk))
    other.setParameters(trunk.parameters().reverse())
    expect(bytesOf(other)).toBe(bytesOf(trunk))
  })

  it('stream by rows', () => {
    using trunk = new Trunk(OPTIONS)
    using other = new Trunk({ ...OPTIONS, seed: 4 })
    for (let from = 0; from < 20; from += 8) other.setRows(from, trunk.rows(from, Math.min(20, from + 8)))
    expect(other.rows(0, 20)).toEqual(trunk.parameters()[0].data)
    expect(other.rows(20, 20).length).toBe(0)
    other.setRows(20, new Float32Array(0))
  })

  it('depend on the seed alone, and options are plain data that make the same trunk', () => {
    using trunk = new Trunk(OPTIONS)
    using again = new Trunk(JSON.parse(JSON.stringify(trunk.options)))
    expect(again.options).toEqual(trunk.options)
    expect(bytesOf(again)).toBe(bytesOf(trunk))
  })

  it('start at the documented size', () => {
    using trunk = new Trunk({ vocabularySize: 1000, embeddingSize: 64 })
    expect(trunk.options.embeddingScale).toBe(1 / 8)
    const rows = trunk.rows(0, 1000)
    expect(Math.sqrt(rows.reduce((sum, x) => sum + x * x, 0) / rows.length)).toBeCloseTo(1 / 8, 2)
  })
})

describe('errors', () => {
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
    using trunk = new Trunk(OPTIONS)
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
    using trunk = new Trunk({ ...OPTIONS, layers: [{ size: 5, activation: 'linear' }] })
    const before = bytesOf(trunk)
    trunk.forward(good)
    const call = () => trunk.backward(dHidden as Float32Array, options as { learningRate: number })
    expect(call).toThrow(expect.objectContaining({ code }))
    expect(bytesOf(trunk)).toBe(before)
    trunk.backward(new Float32Array(5).fill(1), { learningRate })
    expect(bytesOf(trunk)).not.toBe(before)
  })

  it('backward needs a forward of its own', () => {
    using trunk = new Trunk(OPTIONS)
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
    using trunk = new Trunk(OPTIONS)
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
    const make = () => new Trunk({ ...OPTIONS, ...wrong } as TrunkOptions)
    expect(make).toThrow(new RegExp(`^${name.replace(/[[\].*]/g, '\\$&')} `))
    expect(make).toThrow(expect.objectContaining({ code: expect.stringMatching(/INVALID_TYPE|OUT_OF_RANGE/) }))
  })

  it('a table that no machine holds', () => {
    const make = () => new Trunk({ vocabularySize: 2 ** 31 - 1, embeddingSize: 65536 })
    expect(make).toThrow(expect.objectContaining({ name: 'RangeError', code: 'WIDEHEAD_OUT_OF_MEMORY' }))
  })

  it('closed', () => {
    const trunk = new Trunk(OPTIONS)
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
})

it('the names in TypeScript are those of the core', () => {
  expect(native.trunkNames()).toEqual({ combine: COMBINES, activation: ACTIVATIONS, optimizer: OPTIMIZER_KINDS })
})
