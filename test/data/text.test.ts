import { describe, expect, it } from 'vitest'
import { text } from '../../lib/data/formats/text.js'
import { words } from '../../lib/data/formats/tokens.js'
import { Corpus, query, testExamples, trainExamples } from './helpers.js'

const corpus = new Corpus()
const DOCS = '<doc id="1" title="x">\nThe cat sat.\n\nThe cat ran\n</doc>\n<doc id="2">\nthe dog\n</doc>\n'

describe('words', () => {
  it('keeps inner apostrophes and splits punctuation, in any script', () => {
    expect(words("Don't stop: it’s 3.5 % größer, naïve—日本語!")).toEqual([
      "Don't",
      'stop',
      ':',
      'it’s',
      '3',
      '.',
      '5',
      '%',
      'größer',
      ',',
      'naïve',
      '—',
      '日本語',
      '!',
    ])
    expect(words("  'quoted' ")).toEqual(["'", 'quoted', "'"])
  })
})

describe('text', () => {
  it('predicts each word from those before it, not across documents', async () => {
    const task = await corpus.task(text, DOCS, { context: 2, minCount: 2 })
    // <unk> 0, the 1, cat 2; padding is 3; 9 tokens
    expect([task.numClasses, task.numInputs, task.slots, task.trainExamples]).toEqual([3, 4, 2, 9])
    expect(['<unk>', 'the', 'cat'].map((_, id) => task.className(id))).toEqual(['<unk>', 'the', 'cat'])
    const examples = await testExamples(task, corpus.file(DOCS))
    expect(examples.map(({ bags, targets }) => [...bags.flat(), ...targets])).toEqual([
      [3, 3, 1], // the
      [3, 1, 2], // cat
      [1, 2, 0], // sat
      [2, 0, 0], // .
      [0, 0, 1], // the, in the next line of the document
      [0, 1, 2],
      [1, 2, 0],
      [3, 3, 1], // the next document
      [3, 1, 0],
    ])
    expect(examples[0].excluded).toEqual([0]) // <unk> is no answer
  })

  it('shuffles the same examples', async () => {
    const task = await corpus.task(text, DOCS, { context: 2 })
    const key = (example: { bags: unknown; targets: unknown }) => JSON.stringify([example.bags, example.targets])
    const trained = (await trainExamples(task, corpus.file(DOCS))).map(key)
    const tested = (await testExamples(task, corpus.file(DOCS))).map(key)
    expect(trained).not.toEqual(tested)
    expect(trained.sort()).toEqual(tested.sort())
  })

  it('can keep case, take white space as it is, and limit the vocabulary', async () => {
    const cased = await corpus.task(text, 'The the. The the.', { tokens: 'whitespace', lowercase: false, minCount: 1 })
    expect([0, 1, 2].map((id) => cased.className(id))).toEqual(['<unk>', 'The', 'the.'])
    const limited = await corpus.task(text, 'a a a b b c', { minCount: 1, maxWords: 1 })
    expect(limited.numClasses).toBe(2)
  })

  it('reads one endless line in pieces', async () => {
    const content = Array.from({ length: 40_000 }, (_, i) => `w${i % 100}`).join(' ')
    const task = await corpus.task(text, content, { context: 1 })
    expect([task.trainExamples, task.numClasses]).toEqual([40_000, 101])
    expect((await trainExamples(task, corpus.file(content))).length).toBe(40_000)
  })

  it('makes a context of what is given to predict', async () => {
    const task = await corpus.task(text, DOCS, { context: 2 })
    expect(query(task, 'a big CAT').example.bags).toEqual([[0], [2]])
    expect(query(task, 'a big CAT').answer).toEqual({ unknown: ['big'] })
    expect(query(task, '').example).toMatchObject({ bags: [[3], [3]], excluded: [0] })
  })
})
