import { describe, expect, it } from 'vitest'
import { xmc } from '../../lib/data/formats/xmc.js'
import { Corpus, query, testExamples } from './helpers.js'

const corpus = new Corpus()
const FILE = '3 4 5\n0,2 0:1 3:2\n 1:0.5\n4,4 0:1\n'
const GIVEN = { features: 'given', normalise: false }

describe('xmc', () => {
  it('reads labels, features and values', async () => {
    const task = await corpus.task(xmc, FILE, GIVEN)
    expect([task.numInputs, task.numClasses, task.slots, task.trainExamples]).toEqual([4, 5, 1, 3])
    expect(await testExamples(task, corpus.file(FILE))).toMatchObject([
      { bags: [[0, [3, 2]]], targets: [0, 1] },
      { bags: [[[1, 0.5]]], targets: [] },
      { bags: [[0]], targets: [2] }, // a label twice is one label
    ])
  })

  it('numbers classes by falling frequency, and names them by their labels', async () => {
    const task = await corpus.task(xmc, '4 2 6\n5,1 0:1\n5 1:1\n3,5,1 0:1\n4 0:1\n', GIVEN)
    const names = Array.from({ length: task.numClasses }, (_, id) => task.className(id))
    expect(names).toEqual([5, 1, 3, 4, 0, 2])
    expect([...task.classCounts]).toEqual([3, 2, 1, 1, 0, 0])
    const held = corpus.file('2 2 6\n0,3 0:1\n5,4 1:1\n')
    expect((await testExamples(task, held)).map(({ targets }) => targets.map((id) => task.className(id)))).toEqual([
      [0, 3],
      [5, 4],
    ])
    // A rare label that is found weighs more: the weights go with the classes.
    const found = (id: number) => {
      const metrics = task.metrics()
      metrics.add(Int32Array.of(id, 4, 5, 1, 2), Int32Array.of(id, 3), 0)
      return metrics.result()['psp@1']
    }
    expect(found(3)).toBeGreaterThan(found(0))
  })

  it('weighs features by log and rarity, to length 1', async () => {
    const task = await corpus.task(xmc, FILE)
    const [{ bags }] = await testExamples(task, corpus.file(FILE))
    const a = Math.log(2) * (1 + Math.log(4 / 3))
    const b = Math.log(3) * (1 + Math.log(4 / 2))
    const length = Math.hypot(a, b)
    expect(bags[0]).toEqual([
      [0, Number((a / length).toFixed(4))],
      [3, Number((b / length).toFixed(4))],
    ])
  })

  it.each([
    ['', 'file is empty'],
    ['3 4\n', /^train:1: expected a header/],
    ['hello\n', /^train:1: expected a header of three numbers, "N F D", got "hello"/],
    ['1 4 0\n 1:1\n', /^train:1: the number of labels must be 1 to/],
    ['2 4 5\n0 1:1\n', /^train:2: the file ends after 1 of 2 examples/],
    ['1 4 5\n0 1:1\n1 1:1\n', /^train:3: more lines than the 1 of the header/],
    ['1 4 5\n5 1:1\n', /^train:2: label 5 is not below 5/],
    ['1 4 5\n-1 1:1\n', /^train:2: expected the id of a label, got "-1"/],
    ['1 4 5\n1,,2 1:1\n', /^train:2: expected the id of a label, got ""/],
    ['2 4 5\n0 1:1\n0 4:1\n', /^train:3: feature 4 is not below 4/],
    ['1 4 5\n0 1.5:1\n', /^train:2: expected the id of a feature, got "1.5"/],
    ['1 4 5\n0 1:x\n', /^train:2: expected a finite value, got "x"/],
    ['1 4 5\n0 1:\n', /^train:2: expected a finite value, got ""/],
    ['1 4 5\n0 1:1e60\n', /^train:2: expected a finite value/],
    ['1 4 5\n0 1:1 7\n', /^train:2: expected feature:value, got "7"/],
  ])('refuses %j', async (content, message) => {
    await expect(corpus.task(xmc, content)).rejects.toThrow(message)
  })

  it('refuses held-out data of other sizes', async () => {
    const task = await corpus.task(xmc, FILE)
    const other = corpus.file('1 4 6\n0 1:1\n', 'other')
    await expect(testExamples(task, other)).rejects.toThrow(/^other:1: 4 features and 6 labels, but 4 and 5/)
  })

  it('predicts from features, whatever labels stand before them', async () => {
    const task = await corpus.task(xmc, FILE, GIVEN)
    for (const line of ['0:1 3:2', ' 0:1 3:2', '1,2 0:1 3:2', '1,2 0:1  3:2\r']) {
      expect(query(task, line).example.bags).toEqual([[0, [3, 2]]])
    }
    expect(query(task, '3 4 5').answer).toBeUndefined()
    expect(() => query(task, '3 4 5', 2)).toThrow('expected feature:value')
    expect(() => query(task, '9:1')).toThrow('feature 9 is not below 4')
  })

  it('passes labels of a query over, also those that it does not know', async () => {
    const task = await corpus.task(xmc, '2 3 4\n0 1:1\n3 2:1\n')
    expect(query(task, '7,99999999999 1:1').example.bags).toEqual(query(task, '1:1').example.bags)
    expect(() => query(task, 'x 1:1')).toThrow('expected the id of a label')
  })
})
