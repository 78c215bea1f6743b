import { describe, expect, it } from 'vitest'
import { sequences } from '../../lib/data/formats/sequences.js'
import { Corpus, query, testExamples } from './helpers.js'

const corpus = new Corpus()
const FILE = 'a b a c\nb\na b\n'
// a 3, b 3, c 1: ids 0 1 2

describe('sequences', () => {
  it('predicts each item of a session from those before it', async () => {
    const task = await corpus.task(sequences, FILE, { decay: 0.5, recent: 2 })
    expect([task.numInputs, task.numClasses, task.slots, task.trainExamples]).toEqual([3, 3, 2, 4])
    const examples = await testExamples(task, corpus.file(FILE))
    expect(examples.map(({ bags, targets }) => ({ bags, targets }))).toEqual([
      { bags: [[0], [0]], targets: [1] },
      { bags: [[1], [[0, 0.5], 1]], targets: [0] },
      { bags: [[0], [[1, 0.5], 0]], targets: [2] },
      { bags: [[0], [0]], targets: [1] },
    ])
  })

  it('passes over unknown items as input and counts them as misses', async () => {
    const task = await corpus.task(sequences, FILE, { decay: 0.5 })
    expect(await testExamples(task, corpus.file('x a y c\n'))).toMatchObject([
      { bags: [[], []], targets: [0], missing: 0 },
      { bags: [[0], [0]], targets: [], missing: 1 },
      { bags: [[0], [0]], targets: [2], missing: 0 },
    ])
  })

  it('predicts from a session', async () => {
    const task = await corpus.task(sequences, FILE, { decay: 0.5 })
    expect(query(task, 'c zz b')).toMatchObject({
      answer: { unknown: ['zz'] },
      example: { bags: [[1], [[2, 0.5], 1]], excluded: [] },
    })
  })

  it('reads halves of characters as what a vocabulary can keep', async () => {
    const task = await corpus.task(sequences, '["\\ud800a", "\\ufeffb", "\\ud83d\\ude00"]\n')
    expect([0, 1, 2].map((id) => task.className(id))).toEqual(['\ufffda', '\ufeffb', '\u{1f600}'])
    expect(query(task, '["\\ud800a"]').answer).toEqual({ unknown: [] })
    expect(query(task, '\ud800a').answer).toEqual({ unknown: [] })
  })

  it('refuses an array that is none among arrays', async () => {
    await expect(corpus.task(sequences, '["a b", "c"]\n["a b" "c"]\n')).rejects.toThrow('train:2: begins as a JSON')
  })
})
