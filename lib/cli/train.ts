// `widehead train`: opens the data, learns what the format needs of them, and trains.

import type { Format, Learned, Settings, Task } from '../data/formats/format.js'
import { FORMATS, recogniseSource } from '../data/formats/index.js'
import { type Source, Sources, stdinAs } from '../data/source.js'
import { convertTables } from '../data/tables/convert.js'
import { type DataSize, dataSizes } from './checkpoints.js'
import { checkExamples } from './evaluation.js'
import type { Io } from './io.js'
import type { OnMetrics } from './metrics-log.js'
import { checkHead, checkShareable, launchedRanks, type Ranks } from './ranks.js'
import { checkSameData, findRun, type Resumption } from './resume.js'
import { formatSettings, type SettledOptions, settleHead, type TrainOptions, usage } from './run.js'
import { Signals } from './signals.js'
import { type Outcome, type Stopper, TrainingRun } from './training-run.js'

export async function train(options: TrainOptions, io: Io): Promise<number> {
  const ranks = await launchedRanks(options.stallTimeout)
  const streams = ranks?.streams(io) ?? io
  const signals = new Signals((message) => streams.stderr.write(`${message}\n`))
  try {
    await trainOn(new Sources(stdinAs(io.stdin)), options, streams, signals, undefined, ranks)
    await ranks?.end()
    return signals.exitCode
  } catch (error) {
    await ranks?.fail(error, io)
    throw error
  } finally {
    signals.dispose()
  }
}

/** The same for any sources, which are disposed of, and anyone who may stop it. */
export async function trainOn(
  sources: Sources,
  options: TrainOptions,
  io: Pick<Io, 'stderr'>,
  stopper: Stopper,
  onMetrics?: OnMetrics,
  ranks?: Ranks,
): Promise<Outcome> {
  try {
    const prepare = async () => {
      const settled = settleHead(options) // a mistake is told before data are read, which may take long
      if (ranks) checkShareable(options)
      if (options.resume && options.overwrite) throw usage('--resume and --overwrite exclude each other')
      const data = await openData(options, settled, sources, io, ranks)
      return new TrainingRun(data, io, stopper, onMetrics, ranks)
    }
    const run = await (ranks?.agree(prepare, (prepared) => prepared.facts) ?? prepare())
    return await run.start()
  } finally {
    await sources.dispose()
  }
}

export interface TrainingData {
  format: Format
  settings: Settings
  options: SettledOptions
  learned: Learned
  task: Task
  train: Source[]
  valid: Source[]
  /** Of the training data as the user gave them. */
  sizes: DataSize[]
  /** The run that this one goes on with. */
  resumption: Resumption | undefined
}

async function openData(
  options: TrainOptions,
  early: SettledOptions | undefined,
  sources: Sources,
  io: Pick<Io, 'stderr'>,
  ranks: Ranks | undefined,
): Promise<TrainingData> {
  const given = { train: await sources.open(options.train), valid: await sources.open(options.valid ?? []) }
  const sizes = await dataSizes(given.train) // before tables become lines
  const resumption = options.resume ? await findRun(options.out) : undefined
  if (resumption) checkSameData(resumption, sizes, options.columns)
  const named = (options.format ?? resumption?.config.data.format) as keyof typeof FORMATS | undefined
  const format = named ? FORMATS[named] : await recogniseSource(given.train[0], options.columns)
  const settings = formatSettings(format, options)
  const settled = early ?? settleHead(options, format.name)
  if (ranks) checkHead(settled.head)
  io.stderr.write(`reading ${given.train.map(({ label }) => label).join(', ')} as ${format.name}\n`)
  const lines = (from: Source[]) => convertTables(from, format.name, options.columns, () => sources.temporaryFolder())
  const [train, valid] = [await lines(given.train), await lines(given.valid)]
  const learned = resumption?.learned ?? (await format.learn(train, settings))
  const task = format.task(learned, settings)
  if (valid.length) await checkExamples(task, valid)
  return { format, settings, options: settled, learned, task, train, valid, sizes, resumption }
}
