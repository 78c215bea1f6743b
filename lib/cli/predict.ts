// `widehead predict`: lines in, JSON lines out, answered as they come.

import { BatchBuilder } from '../data/batch.js'
import type { Query } from '../data/formats/format.js'
import { LineCutter } from '../data/lines.js'
import { badData } from '../data/stream.js'
import { answer } from './answers.js'
import { type Io, write } from './io.js'
import { loadModel, type Model, type ModelOptions } from './model.js'

const MOST_ROWS = 256

export interface PredictOptions extends ModelOptions {
  top: number
}

export async function predict(options: PredictOptions, io: Io): Promise<number> {
  const model = await loadModel(options)
  try {
    const answers = new Answers(model, options, io)
    const cutter = new LineCutter({ label: '<stdin>' })
    const decoder = new TextDecoder()
    for await (const bytes of io.stdin) {
      await answers.take(cutter.take(decoder.decode(bytes, { stream: true })).lines)
    }
    await answers.take(cutter.end(decoder.decode()).lines)
  } finally {
    model.network.close()
  }
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
    const rows = await answer(this.model, this.batch.finish(), this.options)
    const answers = this.queries.map(({ line, unknown }, i) => ({
      line,
      predictions: rows[i],
      ...(unknown.length && { unknown }),
    }))
    this.queries = []
    await write(this.io.stdout, answers.map((answer) => `${JSON.stringify(answer)}\n`).join(''))
  }
}
