import { describe, expect, it } from 'vitest'
import { sets } from '../../lib/data/formats/sets.js'
import { Corpus, query, testExamples, trainExamples } from './helpers.js'

const corpus = new Corpus()
const FILE = 'ann a b c d a\nbob b c\ncyd a\n\n'
// a 2 (once in each set), b 2, c 2, d 1: ids 0 1 2 3

describe('sets', () => {
  it('hides half of each set, anew each epoch, and predicts it from the rest', async () => {
    const task = await corpus.task(sets, FILE)
    expect([task.numInputs, task.numClasses, task.trainExamples]).toEqual([4, 4, 2])
    const seen = new Set<string>()
    for (let epoch = 1; epoch <= 30; epoch++) {
      const examples = await trainExamples(task, corpus.file(FILE), { epoch })
      expect(examples.length).toBe(2) // cyd's one item cannot be predicted from the rest
      const ann = examples.find(({ bags, targets }) => bags[0].length + targets.length === 4)
      expect(ann?.targets.length).toBe(2)
      expect([...(ann?.bags[0] ?? []), ...(ann?.targets ?? [])].sort()).toEqual([0, 1, 2, 3])
      seen.add([...(ann?.targets ?? [])].sort().join())
    }
    expect(seen.size).toBe(6)
  })

  it('can hide another share', async () => {
    const task = await corpus.task(sets, 'x a b c d e f g h i j\n', { hide: 0.2 })
    const [{ bags, targets }] = await trainExamples(task, corpus.file('x a b c d e f g h i j\n'))
    expect([bags[0].length, targets.length]).toEqual([8, 2])
  })

  it('judges owners by their history in all files, which is not ranked', async () => {
    const task = await corpus.task(sets, FILE)
    const history = [corpus.file(FILE), corpus.file('cyd d\nann zz\n')]
    const test = corpus.file('cyd b new\nann d\nzoe a\nbob\n')
    expect(await testExamples(task, test, history)).toEqual([
      { bags: [[0, 3]], targets: [1], missing: 1, excluded: [0, 3] },
      { bags: [[0, 1, 2, 3]], targets: [3], missing: 0, excluded: [0, 1, 2, 3] },
      { bags: [[]], targets: [0], missing: 0, excluded: [] },
    ])
  })

  it('refuses an owner without items in training data', async () => {
    await expect(corpus.task(sets, 'ann a b\nbob\n')).rejects.toThrow('train:2: owner bob has no items')
  })

  it('predicts from the items after the owner', async () => {
    const task = await corpus.task(sets, FILE)
    expect(query(task, 'someone a zz b a')).toEqual({
      answer: { unknown: ['zz'] },
      example: { bags: [[0, 1]], targets: [], missing: 0, excluded: [0, 1] },
    })
    expect(query(task, '').example.bags).toEqual([[]])
  })
})
