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

  it('refuses numbers that have lost digits, and what is no id', async () => {
    const number = 'train:2: an id that is a number must be whole and below 2^53 (quote others), got '
    for (const [id, got] of [
      ['12345678901234567', '12345678901234568'],
      ['1.5', '1.5'],
    ]) {
      await expect(corpus.task(sets, `["a", 1, 2]\n["b", ${id}, 2]\n`)).rejects.toThrow(number + got)
    }
    await expect(corpus.task(sets, '["a", 1, [2]]\n')).rejects.toThrow(
      'train:1: expected an id of one line or a whole number, got [2]',
    )
    const task = await corpus.task(sets, '["a", 9007199254740991, "12345678901234567"]\n')
    expect([task.className(0), task.className(1)]).toEqual(['9007199254740991', '12345678901234567'])
  })

  it('refuses an array that is none among arrays, in each of the files it reads', async () => {
    const whole = '["ann", "a b", "c"]\n'
    const torn = '["bob", "a b", "c"\n'
    await expect(corpus.task(sets, whole + torn)).rejects.toThrow('train:2: begins as a JSON array and is none')
    await expect(corpus.task(sets, torn + whole)).rejects.toThrow('train:2: an array, but line 1 begins as one and is')
    const task = await corpus.task(sets, whole)
    const bad = corpus.file(whole + torn, 'bad')
    for (const read of [
      () => trainExamples(task, bad),
      () => testExamples(task, bad),
      () => testExamples(task, corpus.file(whole), [bad]),
    ]) {
      await expect(read()).rejects.toThrow('bad:2: begins as a JSON array and is none')
    }
    // Where there is no array a bracket is a part of an id; and each file is one of its own.
    const plain = await corpus.task(sets, '[1 a [b\n[2 a c]\n')
    expect([0, 1, 2].map((id) => plain.className(id))).toEqual(['a', '[b', 'c]'])
    expect(await testExamples(plain, corpus.file(whole), [corpus.file('[1 a\n')])).toHaveLength(1)
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
