// xmc: many labels an example from a sparse vector of features, in the files of the extreme classification repository.
//
// Classes are the labels by falling frequency; names of classes are the labels' numbers.
//
// A chunk's record: number of labels, their classes, features (to the end, which the example's mark gives); values parallel, those
// of the features weighted as the settings say.

import { inversePropensities, LabelPrecision } from '../../metrics.js'
import type { BatchBuilder } from '../batch.js'
import type { Chunk } from '../chunk.js'
import { LineError } from '../lines.js'
import { readAll } from '../stream.js'
import type { Format, Learned, LineReader, Query, Task } from './format.js'
import { LabelOrder } from './label-order.js'
import { isXmcHeader, parseXmcHeader, parseXmcRow, type XmcHeader, type XmcRow } from './xmc-lines.js'

interface XmcSettings {
  features: 'tfidf' | 'log' | 'given'
  normalise: boolean
}

type Sizes = Pick<XmcHeader, 'features' | 'labels'>

/** Reads header and rows of each file and checks one against the other, and its sizes against those expected. */
function rowReader(expected: () => Sizes | undefined, take: (row: XmcRow, header: XmcHeader) => void): LineReader {
  let header: XmcHeader | undefined
  let rows = 0
  return {
    begin: () => {
      header = undefined
      rows = 0
    },
    line: (line) => {
      if (!header) header = sameSizes(parseXmcHeader(line), expected())
      else if (line !== '' || rows < header.examples) {
        if (++rows > header.examples) throw new LineError(`more lines than the ${header.examples} of the header`)
        take(parseXmcRow(line, header), header)
      }
    },
    end: () => {
      if (!header) throw new LineError('the file is empty')
      if (rows < header.examples) throw new LineError(`the file ends after ${rows} of ${header.examples} examples`)
    },
  }
}

function sameSizes(header: XmcHeader, expected: Sizes | undefined): XmcHeader {
  const { features, labels } = expected ?? header
  if (header.features === features && header.labels === labels) return header
  throw new LineError(
    `${header.features} features and ${header.labels} labels, but ${features} and ${labels} in the training data`,
  )
}

class XmcTask implements Task {
  readonly combine = 'sum'
  readonly perplexity = false
  readonly usesHistory = false
  readonly slots = 1
  readonly numInputs: number
  readonly numClasses: number
  readonly classCounts: Float64Array
  readonly trainExamples: number
  private readonly order: LabelOrder

  constructor(
    private readonly learned: Learned,
    private readonly settings: XmcSettings,
  ) {
    this.numInputs = learned.sizes.features
    this.numClasses = learned.sizes.labels
    this.order = new LabelOrder(learned.statistics.labelCounts)
    this.classCounts = this.order.counts
    this.trainExamples = learned.sizes.examples
  }

  trainReader(chunk: () => Chunk): LineReader {
    const write = (row: XmcRow) => {
      const { ids, values } = chunk()
      const start = ids.length
      const weights = this.weigh(row)
      ids.push(row.labels.length)
      ids.append(row.labels.map((label) => this.order.classes[label]))
      ids.append(row.features)
      for (let i = 0; i <= row.labels.length; i++) values.push(1)
      for (const weight of weights) values.push(weight)
      chunk().example(start, ids.length)
    }
    return rowReader(() => ({ features: this.numInputs, labels: this.numClasses }), write)
  }

  /** The weights of a row's features. */
  private weigh({ features, values }: XmcRow): number[] {
    const rows = this.trainExamples
    const counts = this.learned.statistics.featureCounts
    const weights = values.map((value, i) => {
      if (this.settings.features === 'given') return value
      const tamed = Math.sign(value) * Math.log1p(Math.abs(value))
      return this.settings.features === 'log' ? tamed : tamed * (1 + Math.log((1 + rows) / (1 + counts[features[i]])))
    })
    const length = this.settings.normalise ? norm(weights) : 1
    return length > 0 ? weights.map((weight) => weight / length) : weights
  }

  emit(chunk: Chunk, example: number, batch: BatchBuilder): void {
    const { ids, values } = chunk
    const start = chunk.starts.data[example]
    const labels = start + 1 + ids.data[start]
    for (let i = start + 1; i < labels; i++) batch.target(ids.data[i])
    for (let i = labels; i < chunk.marks.data[example]; i++) batch.item(ids.data[i], values.data[i])
    batch.endBag()
    batch.endExample()
  }

  async testReader(): Promise<(chunk: () => Chunk) => LineReader> {
    return (chunk) => this.trainReader(chunk)
  }

  emitTest(chunk: Chunk, example: number, batch: BatchBuilder): void {
    this.emit(chunk, example, batch)
  }

  query(line: string, number: number, batch: BatchBuilder): Query | undefined {
    if (number === 1 && isXmcHeader(line)) return undefined
    const row = parseXmcRow(line, { features: this.numInputs, labels: Infinity }) // which are passed over
    const weights = this.weigh(row)
    row.features.forEach((feature, i) => {
      batch.item(feature, weights[i])
    })
    batch.endBag()
    batch.endExample()
    return { unknown: [] }
  }

  className(id: number): number {
    return this.order.labels[id]
  }

  inputName(id: number): number {
    return id
  }

  metrics(): LabelPrecision {
    return new LabelPrecision(inversePropensities(this.classCounts, this.trainExamples))
  }
}

function norm(values: readonly number[]): number {
  let sum = 0
  for (const value of values) sum += value * value
  return Math.sqrt(sum)
}

export const xmc: Format = {
  name: 'xmc',
  summary: 'header `N F D`, then `label,label feature:value ...`: predict the labels',
  settings: [
    {
      name: 'features',
      description: 'weigh feature values by log and rarity, by log alone, or take them as they are',
      kind: 'choice',
      choices: ['tfidf', 'log', 'given'],
      default: 'tfidf',
    },
    { name: 'normalise', description: 'scale each example to length 1', kind: 'flag', default: true },
  ],

  recognises(lines) {
    const [header, first] = lines
    if (header === undefined || !isXmcHeader(header)) return false
    return first === undefined || /^(\d+(,\d+)*)?( +\d+:\S+)*\s*$/.test(first)
  },

  async learn(sources) {
    let sizes: XmcHeader | undefined
    let labelCounts = new Float64Array()
    let featureCounts = new Float64Array()
    let examples = 0
    const count = (row: XmcRow, header: XmcHeader) => {
      if (!sizes) {
        sizes = header
        labelCounts = new Float64Array(header.labels)
        featureCounts = new Float64Array(header.features)
      }
      examples++
      for (const label of row.labels) labelCounts[label]++
      for (const feature of new Set(row.features)) featureCounts[feature]++
    }
    await readAll(
      sources,
      rowReader(() => sizes, count),
    )
    const { features = 0, labels = 0 } = (sizes as XmcHeader | undefined) ?? {}
    return { sizes: { examples, features, labels }, statistics: { labelCounts, featureCounts } }
  },

  task: (learned, settings) => new XmcTask(learned, settings as unknown as XmcSettings),
}
