import { describe, expect, it } from 'vitest'
import { sequences } from '../../lib/data/formats/sequences.js'
import { sets } from '../../lib/data/formats/sets.js'
import { TrainStream, testBatches } from '../../lib/data/stream.js'
import { Corpus, examplesOf, testExamples, trainExamples } from './helpers.js'

const corpus = new Corpus()
// session i is "2i 2i+1": one example each, told apart by its target
const SESSIONS = Array.from({ length: 200 }, (_, i) => `a${2 * i} a${2 * i + 1}`).join('\n')

async function order(options: { seed?: number; epoch?: number; buffer?: number; batch?: number }) {
  const task = await corpus.task(sequences, SESSIONS)
  return (await trainExamples(task, corpus.file(SESSIONS), options)).map(({ targets }) => targets[0])
}

describe('TrainStream', () => {
  it('gives the same order for the same seed and epoch, another one otherwise', async () => {
    const first = await order({ seed: 3, epoch: 2 })
    expect(await order({ seed: 3, epoch: 2 })).toEqual(first)
    expect(await order({ seed: 3, epoch: 2, batch: 17 })).toEqual(first)
    expect(await order({ seed: 4, epoch: 2 })).not.toEqual(first)
    expect(await order({ seed: 3, epoch: 3 })).not.toEqual(first)
    expect(new Set(first).size).toBe(200)
  })

  it('holds no more than the buffer, and still gives every example once', async () => {
    const small = await order({ buffer: 16 })
    expect(new Set(small).size).toBe(200)
    const whole = await order({})
    expect(new Set(whole)).toEqual(new Set(small))
    // The first 16 sessions come first, in another order.
    const firstTargets = Array.from({ length: 16 }, (_, i) => 2 * i + 1)
    expect(small.slice(0, 16).sort((a, b) => a - b)).toEqual(firstTargets)
    expect(small.slice(0, 16)).not.toEqual(firstTargets)
  })

  it('gives the same epochs from memory as from the file', async () => {
    const content = 'x a b c d e f\ny b c d\nz a f e d\n'
    const task = await corpus.task(sets, content)
    const file = corpus.file(content)
    const kept = new TrainStream(task, [file], { batch: 2, buffer: 100, seed: 1 })
    for (let epoch = 1; epoch <= 3; epoch++) {
      const examples = []
      for await (const batch of kept.epoch(epoch)) examples.push(...examplesOf(batch, 1))
      expect(examples).toEqual(await trainExamples(task, file, { seed: 1, epoch }))
    }
  })

  it('cuts batches across chunks and ends with a smaller one', async () => {
    const task = await corpus.task(sequences, SESSIONS)
    const stream = new TrainStream(task, [corpus.file(SESSIONS)], { batch: 64, buffer: 50, seed: 0 })
    const sizes: number[] = []
    for await (const batch of stream.epoch(1)) {
      sizes.push(batch.size)
      expect(batch.targets).toBeInstanceOf(Int32Array) // one target each
    }
    expect(sizes).toEqual([64, 64, 64, 8])
  })
})

describe('testBatches', () => {
  it('draws a limited number at random, the same each time, in the order of the file', async () => {
    const task = await corpus.task(sequences, SESSIONS)
    const all = await testExamples(task, corpus.file(SESSIONS))
    expect(all.length).toBe(200)
    const some = await testExamples(task, corpus.file(SESSIONS), [], 10)
    expect(some.length).toBe(10)
    expect(await testExamples(task, corpus.file(SESSIONS), [], 10)).toEqual(some)
    const places = some.map((example) => all.findIndex(({ targets }) => targets[0] === example.targets[0]))
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(Math.max(...places)).toBeGreaterThan(50)
    expect((await testExamples(task, corpus.file(SESSIONS), [], 500)).length).toBe(200)
  })

  it('takes as many as it is limited to, above 2^20 too', async () => {
    const task = await corpus.task(sequences, SESSIONS)
    const many = corpus.file('a b\n'.repeat(2 ** 20 + 9))
    let taken = 0
    for await (const { size } of testBatches(task, [many], [], { batch: 4096, limit: 2 ** 20 + 5 })) taken += size
    expect(taken).toBe(2 ** 20 + 5)
  })
})
