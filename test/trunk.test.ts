import { describe, expect, it } from 'vitest'
import { native } from '../lib/native.js'
import { OPTIMIZER_KINDS } from '../lib/optimizer.js'
import { Trunk, type TrunkOptions } from '../lib/trunk.js'
import { ACTIVATIONS, COMBINES } from '../lib/trunk-options.js'
import { bytesOf, hiddenOf, numericGradient, randomGradient, randomInput, SMALL, toFloat64 } from './trunk-reference.js'

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
    SMALL,
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
    using free = new Trunk(SMALL)
    using clipped = new Trunk({ ...SMALL, clipNorm: 0.1 })
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
        using trunk = new Trunk({ ...SMALL, optimizer })
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
    using trunk = new Trunk({ ...SMALL, layers: [] })
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
      using trunk = new Trunk(SMALL)
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
    using trunk = new Trunk(SMALL)
    expect(trunk.shapes()).toEqual([
      { name: 'embedding', shape: [20, 6] },
      { name: 'layers.0.weight', shape: [9, 12] },
      { name: 'layers.0.bias', shape: [9] },
      { name: 'layers.1.weight', shape: [5, 9] },
      { name: 'layers.1.bias', shape: [5] },
    ])
    expect(trunk.parameters(['layers.0.bias'])).toEqual([trunk.parameters()[2]])
    using other = new Trunk({ ...SMALL, seed: 4 })
    expect(bytesOf(other)).not.toBe(bytesOf(trunk))
    other.setParameters(trunk.parameters().reverse())
    expect(bytesOf(other)).toBe(bytesOf(trunk))
  })

  it('stream by rows', () => {
    using trunk = new Trunk(SMALL)
    using other = new Trunk({ ...SMALL, seed: 4 })
    for (let from = 0; from < 20; from += 8) other.setRows(from, trunk.rows(from, Math.min(20, from + 8)))
    expect(other.rows(0, 20)).toEqual(trunk.parameters()[0].data)
    expect(other.rows(20, 20).length).toBe(0)
    other.setRows(20, new Float32Array(0))
  })

  it('depend on the seed alone, and options are plain data that make the same trunk', () => {
    using trunk = new Trunk(SMALL)
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

it('the names in TypeScript are those of the core', () => {
  expect(native.trunkNames()).toEqual({ combine: COMBINES, activation: ACTIVATIONS, optimizer: OPTIMIZER_KINDS })
})
