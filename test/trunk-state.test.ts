import { describe, expect, it } from 'vitest'
import { type BagInput, type StateArray, Trunk, type TrunkOptimizer, type TrunkOptions } from '../lib/trunk.js'
import { randomGradient, randomInput } from './trunk-reference.js'

const OPTIONS: TrunkOptions = {
  vocabularySize: 50,
  embeddingSize: 6,
  slots: 2,
  layers: [
    { size: 9, activation: 'tanh' },
    { size: 5, activation: 'relu' },
  ],
  clipNorm: 1,
  seed: 3,
}

const OPTIMIZERS: TrunkOptimizer[] = [
  { kind: 'sgd' },
  { kind: 'adagrad' },
  { kind: 'adagrad', rowwise: false },
  { kind: 'adam' },
]

function train(trunk: Trunk, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    trunk.forward(randomInput(trunk.options, 4, step))
    trunk.backward(randomGradient(20, step), { learningRate: 0.1 })
  }
}

function bytesOf(trunk: Trunk): string {
  const hex = ({ data }: { data: Float32Array | Uint32Array }) => Buffer.from(data.buffer).toString('hex')
  return [...trunk.parameters(), ...trunk.state()].map(hex).join()
}

describe('the state of the optimiser', () => {
  it.each(OPTIMIZERS)('with the parameters is all that training goes on from: %j', (optimizer) => {
    using trunk = new Trunk({ ...OPTIONS, optimizer })
    train(trunk, 0, 7)
    using resumed = new Trunk({ ...OPTIONS, optimizer, seed: 4 })
    train(resumed, 50, 52)
    resumed.setParameters(trunk.parameters())
    using forgetful = new Trunk({ ...OPTIONS, optimizer })
    forgetful.setParameters(trunk.parameters())
    resumed.setState(trunk.state().reverse())
    expect(bytesOf(resumed)).toBe(bytesOf(trunk))

    for (const each of [trunk, resumed, forgetful]) train(each, 7, 12)
    expect(bytesOf(resumed)).toBe(bytesOf(trunk))
    if (optimizer.kind !== 'sgd') expect(bytesOf(forgetful)).not.toBe(bytesOf(trunk))
  })

  it.each(OPTIMIZERS)('streams by rows: %j', (optimizer) => {
    using trunk = new Trunk({ ...OPTIONS, optimizer })
    train(trunk, 0, 3)
    using copy = new Trunk({ ...OPTIONS, optimizer })
    copy.setParameters(trunk.parameters())
    for (const { name, shape } of trunk.stateShapes()) {
      for (let from = 0; from < shape[0]; from += 8) {
        copy.setStateRows(name, from, trunk.stateRows(name, from, Math.min(shape[0], from + 8)))
      }
      copy.setStateRows(name, shape[0], trunk.stateRows(name, shape[0], shape[0]))
    }
    expect(bytesOf(copy)).toBe(bytesOf(trunk))
  })

  it('has names, shapes and types', () => {
    const shapesWith = (optimizer: TrunkOptimizer) => {
      using trunk = new Trunk({ ...OPTIONS, layers: [{ size: 9, activation: 'tanh' }], optimizer })
      const shapes = trunk.stateShapes()
      expect(trunk.state().map(({ name, shape, type }) => ({ name, shape, type }))).toEqual(shapes)
      return shapes.map(({ name, shape, type }) => `${name} ${shape.join('x')} ${type}`)
    }
    expect(shapesWith({ kind: 'sgd' })).toEqual([])
    expect(shapesWith({ kind: 'adagrad' })).toEqual([
      'embedding.sums 50 float32',
      'layers.0.weight.sums 9x12 float32',
      'layers.0.bias.sums 9 float32',
    ])
    expect(shapesWith({ kind: 'adagrad', rowwise: false })[0]).toBe('embedding.sums 50x6 float32')
    expect(shapesWith({ kind: 'adam' })).toEqual([
      'embedding.means 50x6 float32',
      'embedding.squares 50x6 float32',
      'embedding.steps 50 uint32',
      'layers.0.weight.means 9x12 float32',
      'layers.0.weight.squares 9x12 float32',
      'layers.0.weight.steps 9 uint32',
      'layers.0.bias.means 9 float32',
      'layers.0.bias.squares 9 float32',
      'layers.0.bias.steps 1 uint32',
    ])
  })

  it('counts the steps of each row, and is zero for rows that were not trained', () => {
    using trunk = new Trunk({ vocabularySize: 5, embeddingSize: 2, optimizer: { kind: 'adam' } })
    const step = (...ids: number[]) => {
      trunk.forward({ indptr: Int32Array.of(0, ids.length), indices: Int32Array.from(ids) })
      trunk.backward(Float32Array.of(1, -1), { learningRate: 0.1 })
    }
    step(1, 3)
    step(3, 3)
    const [means, squares, steps] = trunk.state()
    expect(steps.data).toEqual(Uint32Array.of(0, 1, 0, 2, 0))
    for (const { data } of [means, squares]) {
      expect([...data].map((x, i) => x !== 0 && i)).toEqual([false, false, 2, 3, false, false, 6, 7, false, false])
    }
  })
})

describe('errors', () => {
  const good: BagInput = { indptr: Int32Array.of(0, 1, 3), indices: Int32Array.of(1, 2, 19) }

  it('setState checks all before it changes any', () => {
    using trunk = new Trunk({ ...OPTIONS, optimizer: { kind: 'adam' } })
    train(trunk, 0, 2)
    const before = bytesOf(trunk)
    const spoilt: [string, (entry: { name: string; shape: unknown; data: unknown }) => void, string][] = [
      ['layers.1.bias.means', (entry) => (entry.name = 'layers.1.bias'), 'WIDEHEAD_OUT_OF_RANGE'],
      ['layers.1.bias.means', (entry) => (entry.name = 'layers.1.bias.squares'), 'WIDEHEAD_OUT_OF_RANGE'],
      ['layers.1.bias.means', (entry) => (entry.shape = [1, 5]), 'WIDEHEAD_OUT_OF_RANGE'],
      ['layers.1.bias.means', (entry) => (entry.data = new Float32Array(4)), 'WIDEHEAD_OUT_OF_RANGE'],
      ['layers.1.bias.means', (entry) => (entry.data = new Uint32Array(5)), 'WIDEHEAD_INVALID_TYPE'],
      ['layers.1.bias.means', (entry) => (entry.data = new Float32Array(5).fill(Number.NaN)), 'WIDEHEAD_OUT_OF_RANGE'],
      ['layers.1.bias.squares', (entry) => (entry.data = new Float32Array(5).fill(-1)), 'WIDEHEAD_OUT_OF_RANGE'],
      ['layers.1.bias.squares', (entry) => (entry.data = new Float32Array(5).fill(1 / 0)), 'WIDEHEAD_OUT_OF_RANGE'],
      ['layers.1.bias.steps', (entry) => (entry.data = new Float32Array(1)), 'WIDEHEAD_INVALID_TYPE'],
      ['layers.1.bias.steps', (entry) => (entry.data = new Int32Array(1)), 'WIDEHEAD_INVALID_TYPE'],
    ]
    for (const [name, spoil, code] of spoilt) {
      const list = trunk.state().map((array) => ({ ...array, data: array.data.map((x) => x + 1) })) as StateArray[]
      spoil(list.find((array) => array.name === name)!)
      expect(() => trunk.setState(list)).toThrow(expect.objectContaining({ code }))
      expect(bytesOf(trunk)).toBe(before)
    }
    expect(() => trunk.setState(null as never)).toThrow(TypeError)
    trunk.setState([{ ...trunk.state()[0], data: trunk.state()[0].data.map(() => -1) }]) // a mean may be negative
    expect(bytesOf(trunk)).not.toBe(before)
  })

  it('names the value, and the arrays there are', () => {
    using adagrad = new Trunk(OPTIONS)
    const rows = (...values: number[]) => adagrad.setStateRows('embedding.sums', 0, Float32Array.from(values))
    expect(() => rows(1, 2, -0.5)).toThrow(/^data\[2\] must be at least 0, got -0.5/)
    expect(() => rows(1, Number.NaN)).toThrow(/^data\[1\] must be finite, got NaN/)
    expect(() => adagrad.setStateRows('embedding.sums', 49, new Float32Array(2))).toThrow(
      /data must be 0 to 1 rows of 1/,
    )
    expect(() => adagrad.stateRows('embedding.sums', 3, 51)).toThrow(/^to must be a whole number from 3 to 50, got 51/)
    expect(() => adagrad.stateRows('embedding.means', 0, 1)).toThrow(/^name must be among embedding.sums, layers.0/)
    expect(() => adagrad.state(['embedding'])).toThrow(/^names must be among embedding.sums, /)
    using sgd = new Trunk({ ...OPTIONS, optimizer: { kind: 'sgd' } })
    expect(() => sgd.setState(adagrad.state())).toThrow(/sgd has no state.*got embedding.sums/)
    expect([...adagrad.state(['embedding.sums'])[0].data]).toEqual(new Array(50).fill(0))
  })

  it('a forward pass of before setState goes no more backward, and a closed trunk has no state', () => {
    const trunk = new Trunk(OPTIONS)
    trunk.forward(good)
    trunk.setState(trunk.state())
    const stale = expect.objectContaining({ code: 'WIDEHEAD_STALE' })
    expect(() => trunk.backward(new Float32Array(5), { learningRate: 0.1 })).toThrow(stale)
    const state = trunk.state()
    trunk.close()
    const calls = [
      () => trunk.state(),
      () => trunk.setState(state),
      () => trunk.stateRows('embedding.sums', 0, 1),
      () => trunk.setStateRows('embedding.sums', 0, new Float32Array(1)),
    ]
    for (const call of calls) expect(call).toThrow(expect.objectContaining({ code: 'WIDEHEAD_CLOSED' }))
  })
})
