// text: predict the next word from the `context` words before it. <doc ...> and </doc> lines are skipped; no context
// reaches across them.
//
// Classes: 0 is <unk>, the others the vocabulary. Inputs: the same and, last, the padding before a document's first word.
// A chunk's record is one line: the `context` ids before it, then its own; an example is the place of its target.

import { TopAccuracy } from '../../metrics.js'
import type { BatchBuilder } from '../batch.js'
import type { Chunk } from '../chunk.js'
import { readAll } from '../stream.js'
import { Counter, type Vocabulary } from '../vocabulary.js'
import type { Format, Learned, LineReader, Query, Settings, Task } from './format.js'
import { countAll, fields, looksLikeProse, words } from './tokens.js'

const UNKNOWN = '<unk>'
const UNKNOWN_ID = 0
const PADDING = '<pad>'

interface TextSettings {
  context: number
  tokens: 'words' | 'whitespace'
  lowercase: boolean
  minCount: number
  maxWords: number
}

/** What ends a word begins with no apostrophe, so that a long row of them is looked at once and not once for each. */
const WORD_OF_PROSE = /^["'(“‘]*\p{L}[\p{L}\p{M}'’-]*(?:[.,;:!?)"”][.,;:!?)"'”’]*)?$/u

/** undefined: a document's limit. */
function tokenize(line: string, settings: TextSettings): string[] | undefined {
  if (/^\s*<\/?doc[\s>]/.test(line)) return undefined
  const text = settings.lowercase ? line.toLowerCase() : line
  return settings.tokens === 'words' ? words(text) : fields(text)
}

class TextTask implements Task {
  readonly combine = 'sum'
  readonly perplexity = true
  readonly usesHistory = false
  readonly slots: number
  readonly numClasses: number
  readonly classCounts: Float64Array
  readonly numInputs: number
  readonly trainExamples: number
  private readonly vocabulary: Vocabulary
  private readonly padding: number

  constructor(
    learned: Learned,
    private readonly settings: TextSettings,
  ) {
    this.vocabulary = learned.vocabulary as Vocabulary
    this.numClasses = this.vocabulary.size
    this.classCounts = this.vocabulary.counts
    this.padding = this.numClasses
    this.numInputs = this.numClasses + 1
    this.slots = settings.context
    this.trainExamples = learned.sizes.examples
  }

  trainReader(chunk: () => Chunk): LineReader {
    const start = new Array<number>(this.slots).fill(this.padding)
    let before = start
    return {
      split: true,
      begin: () => {
        before = start
      },
      line: (line) => {
        const tokens = tokenize(line, this.settings)
        if (!tokens) before = start
        else if (tokens.length) before = this.write(chunk(), before, tokens)
      },
    }
  }

  /** Adds a line's examples; returns the context of the next line. */
  private write(chunk: Chunk, before: number[], tokens: readonly string[]): number[] {
    chunk.ids.append(before)
    for (const token of tokens) {
      chunk.example(chunk.ids.length)
      chunk.ids.push(this.vocabulary.id(token) ?? UNKNOWN_ID)
    }
    return Array.from(chunk.ids.data.subarray(chunk.ids.length - this.slots, chunk.ids.length))
  }

  emit(chunk: Chunk, example: number, batch: BatchBuilder): void {
    const place = chunk.starts.data[example]
    for (let i = place - this.slots; i < place; i++) {
      batch.item(chunk.ids.data[i])
      batch.endBag()
    }
    batch.target(chunk.ids.data[place])
    batch.endExample()
  }

  async testReader(): Promise<(chunk: () => Chunk) => LineReader> {
    return (chunk) => this.trainReader(chunk)
  }

  /** <unk> is a target of the loss (and so of perplexity), but never an answer: such an example is a miss. */
  emitTest(chunk: Chunk, example: number, batch: BatchBuilder): void {
    batch.exclude(UNKNOWN_ID)
    this.emit(chunk, example, batch)
  }

  query(line: string, _number: number, batch: BatchBuilder): Query {
    const tokens = (tokenize(line, this.settings) ?? []).slice(-this.slots)
    for (let i = tokens.length - this.slots; i < tokens.length; i++) {
      batch.item(i < 0 ? this.padding : (this.vocabulary.id(tokens[i]) ?? UNKNOWN_ID))
      batch.endBag()
    }
    batch.exclude(UNKNOWN_ID)
    batch.endExample()
    return { unknown: tokens.filter((token) => this.vocabulary.id(token) === undefined) }
  }

  className(id: number): string {
    return this.vocabulary.tokens[id]
  }

  inputName(id: number): string {
    return id === this.padding ? PADDING : this.vocabulary.tokens[id]
  }

  metrics(): TopAccuracy {
    return new TopAccuracy()
  }
}

export const text: Format = {
  name: 'text',
  summary: 'prose: predict the next word from the words before it (<doc> lines are limits, not text)',
  settings: [
    {
      name: 'context',
      description: 'words before the predicted one',
      kind: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 8,
    },
    {
      name: 'tokens',
      description: 'words and punctuation, or whatever white space separates',
      kind: 'choice',
      choices: ['words', 'whitespace'],
      default: 'words',
    },
    { name: 'lowercase', description: 'ignore case', kind: 'flag', default: true },
    { name: 'minCount', description: 'rarer words become <unk>', kind: 'integer', minimum: 1, default: 2 },
    {
      name: 'maxWords',
      description: 'keep only the most frequent words (0: all)',
      kind: 'integer',
      minimum: 0,
      default: 0,
    },
  ],

  recognises(lines) {
    const prose = lines.filter((line) => fields(line).length > 0)
    if (prose.some((line) => /^<doc[\s>]/.test(line))) return true
    const tokens = prose.flatMap(fields)
    const letters = tokens.filter((token) => WORD_OF_PROSE.test(token))
    return letters.length >= tokens.length / 2 && looksLikeProse(tokens)
  },

  async learn(sources, settings) {
    const chosen = settings as unknown as TextSettings
    const counter = new Counter()
    await readAll(sources, { split: true, line: (line) => countAll(counter, tokenize(line, chosen) ?? []) })
    const vocabulary = counter.vocabulary({
      atLeast: chosen.minCount,
      most: chosen.maxWords || undefined,
      unknown: UNKNOWN,
    })
    return { sizes: { examples: counter.total }, vocabulary, statistics: {} }
  },

  task: (learned, settings: Settings) => new TextTask(learned, settings as unknown as TextSettings),
}
