// `widehead predict`: lines in, JSON lines out, answered as they come.

import { type Batch, BatchBuilder } from '../data/batch.js'
import type { Query } from '../data/formats/format.js'
import { LineCutter } from '../data/lines.js'
import { badData } from '../data/stream.js'
import type { Head } from '../heads/types.js'
import { isOwnLoss } from './heads.js'
import { type Io, write } from './io.js'
import { loadModel, type Model, type ModelOptions } from './model.js'
import { type Ranking, rank } from './ranking.js'

const MOST_ROWS = 256

export interface PredictOptions extends ModelOptions {
  top: number
}

export async function predict(options: PredictOptions, io: Io): Promise<number> {
  const model = await loadModel(options)
  const answers = new Answers(model, options, io)
  const cutter = new LineCutter({ label: '<stdin>' })
  const decoder = new TextDecoder()
  for await (const bytes of io.stdin) {
    await answers.take(cutter.take(decoder.decode(bytes, { stream: true })).lines)
  }
  await answers.take(cutter.end(decoder.decode()).lines)
  model.network.close()
  return 0
}

class Answers {
  private line = 0
  private readonly batch = new BatchBuilder()
  private queries: (Query & { line: number })[] = []

  constructor(
    private readonly model: Model,
    private readonly options: PredictOptions,
    private readonly io: Io,
  ) {}

  /** Answers all lines that have come; if one is bad, those before it are answered first. */
  async take(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      try {
        const query = this.model.task.query(line, ++this.line, this.batch)
        if (query) this.queries.push({ ...query, line: this.line })
      } catch (error) {
        await this.answer()
        throw badData('<stdin>', this.line, error)
      }
      if (this.batch.size === MOST_ROWS) await this.answer()
    }
    await this.answer()
  }

  private async answer(): Promise<void> {
    if (!this.batch.size) return
    const rows = predictions(this.model, this.batch.finish(), this.options)
    const answers = this.queries.map(({ line, unknown }, i) => ({
      line,
      predictions: rows[i],
      ...(unknown.length && { unknown }),
    }))
    this.queries = []
    await write(this.io.stdout, answers.map((answer) => `${JSON.stringify(answer)}\n`).join(''))
  }
}

function predictions({ network: { trunk, head }, task }: Model, batch: Batch, options: PredictOptions) {
  const hidden = trunk.evaluate(batch.input)
  const rankings = rank(head, hidden, options.top, batch.excluded, options.approximate)
  // A probability takes all outputs, which a search of some is there to avoid.
  const chances = head.loss.probabilistic && !options.approximate ? probabilities(head, hidden, rankings) : undefined
  let next = 0
  return rankings.map(({ classes, logits }) =>
    Array.from(classes, (id, i) => ({
      class: task.className(id),
      logit: logits[i],
      ...(chances && { probability: chances[next++] }),
    })),
  )
}

/**
 * The probability of each ranked class, one after the other: the loss of it as the only target is its logarithm. Where
 * probabilities go as exp(logit), the first of each example tells the others.
 */
function probabilities(head: Head, hidden: Float32Array, rankings: readonly Ranking[]): Float64Array {
  const exponential = isOwnLoss(head.loss.name)
  const asked = exponential ? rankings.map(({ classes }) => classes.subarray(0, 1)) : rankings.map((row) => row.classes)
  const losses = lossesOf(head, hidden, asked)
  if (!exponential) return losses.map((loss) => Math.exp(-loss))
  let next = 0
  return Float64Array.from(
    rankings.flatMap(({ logits }) => {
      const first = logits.length ? losses[next++] : 0
      return Array.from(logits, (logit) => Math.exp(logit - logits[0] - first))
    }),
  )
}

/** The loss of each class of each list as the only target of its example. */
function lossesOf(head: Head, hidden: Float32Array, lists: readonly Int32Array[]): Float64Array {
  const d = head.hiddenSize
  const total = lists.reduce((sum, classes) => sum + classes.length, 0)
  const rows = new Float32Array(total * d)
  const targets = new Int32Array(total)
  let next = 0
  lists.forEach((classes, i) => {
    for (const id of classes) {
      rows.set(hidden.subarray(i * d, (i + 1) * d), next * d)
      targets[next++] = id
    }
  })
  return total ? head.evaluate(rows, targets).losses : new Float64Array()
}
