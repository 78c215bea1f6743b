// `widehead evaluate`: the metrics of a saved model on held-out data.

import { type Source, Sources, stdinAs } from '../data/source.js'
import { testBatches } from '../data/stream.js'
import type { GivenColumns } from '../data/tables/columns.js'
import { convertTables } from '../data/tables/convert.js'
import { EVALUATION_BATCH, evaluate, type Scores } from './evaluation.js'
import { type Io, write } from './io.js'
import { loadModel, type Model, type ModelOptions } from './model.js'
import { createProgress, short } from './progress.js'
import { usage } from './run.js'
import { Signals } from './signals.js'

export interface EvaluateOptions extends ModelOptions {
  data: string[]
  history?: string[]
  limit?: number
  json?: boolean
  columns?: GivenColumns
}

export async function evaluateModel(options: EvaluateOptions, io: Io): Promise<number> {
  const sources = new Sources(stdinAs(io.stdin))
  const signals = new Signals(() => {}) // so that they end it as process.exit does, which removes temporary files
  let model: Model | undefined
  try {
    const given = { test: await sources.open(options.data), history: await sources.open(options.history ?? []) }
    model = await loadModel(options)
    const { network, task, format } = model
    if (given.history.length && !task.usesHistory) throw usage('--history is for models of the format sets')
    const lines = (from: Source[]) => convertTables(from, format, options.columns, () => sources.temporaryFolder())
    const [test, history] = [await lines(given.test), await lines(given.history)]
    const progress = createProgress(io, 'evaluate', options.limit)
    const started = performance.now()
    const onBatch = (examples: number) => {
      progress.update(examples, `${short(examples / ((performance.now() - started) / 1000))} examples/s`)
      return false
    }
    const batches = testBatches(task, test, history, { batch: EVALUATION_BATCH, limit: options.limit })
    const scores = (await evaluate(network, task, batches, {
      onBatch,
      approximate: options.approximate,
      files: test,
    })) as Scores
    progress.end()
    await write(io.stdout, options.json ? `${JSON.stringify(scores)}\n` : table(scores))
    return 0
  } finally {
    model?.network.close()
    await sources.dispose()
    signals.dispose()
  }
}

function table(scores: Scores): string {
  const width = Math.max(...Object.keys(scores).map((name) => name.length))
  return Object.entries(scores)
    .map(([name, value]) => `${name.padEnd(width)}  ${Number.isInteger(value) ? value : value.toFixed(4)}\n`)
    .join('')
}
