// A saved model that answers queries as they come, many at a time: for servers.

import { checkInteger, checkObject, checkString, kindOf } from './check.js'
import { type AnswerOptions, answer, type Prediction } from './cli/answers.js'
import { loadModel, type Model } from './cli/model.js'
import { BatchBuilder } from './data/batch.js'
import { badData } from './data/stream.js'
import { typeError, WideheadError } from './errors.js'

export type { Prediction } from './cli/answers.js'

/**
 * Options of {@link createPredictor}.
 *
 * @category The command line as functions
 */
export interface PredictorOptions {
  /** Classes of an answer, unless a query asks for another number; 1 to 2^31 - 1. Default 10. */
  top?: number
  /** Threads to compute with, 1 to 1024, in the whole process. Default: as {@link setThreads} says. */
  threads?: number
  /** Queries that are answered together at the most, 1 to 2^20. Default 256. */
  batch?: number
  /**
   * True: rank by the search of a wta or lsh head, without probabilities; a whole number, 1 to 2^31 - 1: the same, with outputs of at
   * most so many classes computed (1024 for true). Default false.
   */
  approximate?: boolean | number
}

/**
 * The answer to one query.
 *
 * @category The command line as functions
 */
export interface Answer {
  /** Best first. */
  predictions: Prediction[]
  /** Tokens of the query that the model does not know; they were left out. */
  unknown: string[]
}

interface Waiting {
  line: string
  top: number
  resolve: (answer: Answer) => void
  reject: (error: unknown) => void
}

const MOST = 0x7fffffff

/**
 * Opens the model that `widehead train` saved in `folder`, to answer queries as they come.
 *
 * @param folder what `--out` named
 * @param options how many classes, threads and queries at once
 * @throws as a rejection: WIDEHEAD_FILE, if it is no model or damaged; WIDEHEAD_USAGE for `approximate` with a head that has no search
 * of its own; a TypeError or RangeError for wrong arguments
 * @category The command line as functions
 */
export async function createPredictor(folder: string, options: PredictorOptions = {}): Promise<Predictor> {
  checkString('folder', folder)
  checkObject('options', options)
  const top = checkInteger('top', options.top ?? 10, 1, MOST)
  const batch = checkInteger('batch', options.batch ?? 256, 1, 2 ** 20)
  const { threads, approximate } = options
  if (threads !== undefined) checkInteger('threads', threads, 1, 1024)
  if (approximate !== undefined) checkApproximate(approximate)
  return new Predictor(await loadModel({ model: folder, threads, approximate }), { top, batch, approximate })
}

function checkApproximate(approximate: unknown): void {
  if (typeof approximate === 'boolean') return
  if (typeof approximate !== 'number') {
    throw typeError(`approximate must be true, false or a number, got ${kindOf(approximate)}`)
  }
  checkInteger('approximate', approximate, 1, MOST)
}

/**
 * A model that answers queries, made by {@link createPredictor}. Queries that come while others are computed are answered
 * together: lines are read and the trunk is computed on the main thread, the search and the probabilities on others.
 *
 * @category The command line as functions
 */
export class Predictor {
  private readonly waiting: Waiting[] = []
  private running: Promise<void> | undefined
  private isClosed = false

  /** @internal */
  constructor(
    private readonly model: Model,
    private readonly options: { top: number; batch: number; approximate?: boolean | number },
  ) {}

  /**
   * The best classes for a line as `widehead predict` takes it: words, `feature:value ...`, `owner item item ...` or the session so far,
   * by the format of the training data. Any number may be asked at once; one that fails does not disturb the others.
   *
   * @param line one query
   * @param options for this query alone
   * @throws as a rejection: WIDEHEAD_DATA for a line that breaks the format or has numbers too large to compute with, WIDEHEAD_CLOSED once the predictor is closed, a TypeError
   * or RangeError for wrong arguments
   */
  predict(
    line: string,
    options: {
      /** Classes of this answer, 1 to 2^31 - 1. Default: the predictor's. */
      top?: number
    } = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) throw new WideheadError('WIDEHEAD_CLOSED', 'the predictor is closed')
      checkString('line', line)
      checkObject('options', options)
      const top = checkInteger('top', options.top ?? this.options.top, 1, MOST)
      this.waiting.push({ line, top, resolve, reject })
      this.running ??= this.run()
    })
  }

  /** Answers what has been asked, then frees the memory. */
  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    await this.running
    this.model.network.close()
  }

  private async run(): Promise<void> {
    await Promise.resolve() // queries of the same turn go together
    while (this.waiting.length > 0) await this.answer(this.waiting.splice(0, this.options.batch))
    this.running = undefined
  }

  private async answer(queries: readonly Waiting[]): Promise<void> {
    const batch = new BatchBuilder()
    const asked = queries.flatMap((query) => this.read(query, batch))
    if (asked.length === 0) return
    try {
      const top = asked.map(({ query }) => query.top)
      const options: AnswerOptions = { top, approximate: this.options.approximate }
      const answers = await answer(this.model, batch.finish(), options)
      for (const [i, { query, unknown }] of asked.entries()) query.resolve({ predictions: answers[i], unknown })
    } catch (error) {
      const failed = asked.map(({ query }) => query)
      if (failed.length === 1) failed[0].reject(queryError(error))
      else await this.answerHalves(failed)
    }
  }

  /** One query that fails takes its batch with it: smaller ones leave it alone with its error in the end. */
  private async answerHalves(queries: readonly Waiting[]): Promise<void> {
    const half = Math.ceil(queries.length / 2)
    await this.answer(queries.slice(0, half))
    await this.answer(queries.slice(half))
  }

  /** Adds a query to the batch; nothing if it is bad, which it is told. */
  private read(query: Waiting, batch: BatchBuilder): { query: Waiting; unknown: string[] }[] {
    const { task } = this.model
    const add = (to: BatchBuilder) => task.query(query.line, NOT_THE_FIRST, to)
    try {
      // A line that is bad may leave half an example behind: not in the batch of the others.
      if (!add(new BatchBuilder())) throw new WideheadError('WIDEHEAD_DATA', 'the line holds no query')
      return [{ query, unknown: add(batch)?.unknown ?? [] }]
    } catch (error) {
      query.reject(badData('query', 1, error))
      return []
    }
  }
}

const NOT_FINITE: ReadonlySet<unknown> = new Set(['WIDEHEAD_OUT_OF_RANGE', 'WIDEHEAD_LOSS'])

/** The network's words for numbers that are not finite name what it computes, and not the query. */
function queryError(error: unknown): unknown {
  if (!NOT_FINITE.has((error as { code?: unknown }).code)) return error
  const message = 'query:1: what the model computes from it is not finite: its numbers are too large'
  return new WideheadError('WIDEHEAD_DATA', message, { cause: error })
}

/** A line number: the first line of a file may be a header. */
const NOT_THE_FIRST = 2
