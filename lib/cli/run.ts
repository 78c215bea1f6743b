// From options to a run: fills in the defaults, and refuses what makes no sense together.

import { LARGEST_RATE } from '../check.js'
import type { Format, FormatName, Settings, Task } from '../data/formats/format.js'
import { FORMATS } from '../data/formats/index.js'
import { completeSettings } from '../data/formats/settings.js'
import type { GivenColumns } from '../data/tables/columns.js'
import { WideheadError } from '../errors.js'
import type { NetworkConfig } from '../files/config.js'
import type { Durability, HeadStorage } from '../heads/storage-options.js'
import { createLoss } from '../losses.js'
import type { Optimizer } from '../optimizer.js'
import type { Activation } from '../trunk-options.js'
import type { Interval } from './checkpoints.js'
import { defaultHead, type Pace, runDefaults } from './defaults.js'
import {
  checkHeadOptions,
  HEAD_OPTIONS,
  type HeadName,
  type HeadOptionValues,
  headKind,
  headsWith,
  optimizersOf,
} from './heads.js'

/** Options of `widehead train` as given; settings of formats and options of heads are among them under their own names. */
export interface TrainOptions extends NamedTrainOptions {
  [setting: string]: unknown
}

export interface NamedTrainOptions {
  /** Paths of the training data. */
  train: string[]
  /** Paths of held-out data. */
  valid?: string[]
  /** The folder for the model. */
  out: string
  /** Replace a model that is in `out`. Default false. */
  overwrite?: boolean
  /** Go on from the newest checkpoint in `out`, or start if there is none; the other options are those of the first call. */
  resume?: boolean
  /** Steps or time between checkpoints. */
  checkpointEvery?: Interval
  /** How many checkpoints stay in `out`, 1 to 1e6. Default 2. */
  keepCheckpoints?: number
  /** The format of the data. */
  format?: string
  /** Which columns of CSV or Parquet files mean what, by their names, or by their numbers where there is no header. */
  columns?: GivenColumns
  /** Widths of the layers below the head, 1 to 65536 each; the last one is the head's hiddenSize. Default: the format's. */
  hidden?: readonly number[]
  /** Width of one embedding, 1 to 65536. Default: the format's (sets, xmc: the first of `hidden`). */
  embedding?: number
  /** Of the hidden layers. Default: the format's. */
  activation?: Activation
  /** How the output layer is computed. Default sampled; exact for sets, and where a loss or a parameter of one is given. */
  head?: HeadName
  /** One bias a class. Default false. */
  bias?: boolean
  /** What is minimised, of heads that take any loss of the spherical family: a {@link LossName}. Default: the format's. */
  loss?: string
  /** weighted-squared-error: weight of classes that are no targets, at least 0. Default: the format's. */
  negativeWeight?: number
  /** weighted-squared-error: weight of targets, at least 0. Default 1. */
  positiveWeight?: number
  /** spherical-softmax: what is added to each square, above 0. Default 0.01. */
  epsilon?: number
  /** z-loss: steepness, above 0. Default 1. */
  alpha?: number
  /** z-loss: standard deviations that are enough, at least 0. Default 3. */
  beta?: number
  /** Of the layers below the head. Default: the format's. */
  optimizer?: 'sgd' | 'adagrad' | 'adam'
  /** Of the layers below the head, at least 0. Default: the format's. */
  learningRate?: number
  /** Of the head, at least 0. Default: chosen by format, head and loss. */
  headLearningRate?: number
  /** Of the rows of a softmax head. Default: chosen by format and head. */
  headOptimizer?: Optimizer['kind']
  /** Of the exact head: the file that its rows are kept in. Default: memory. */
  storageFile?: string
  /** What that file outlives: the death of the process, or a loss of power too. Default process, or what the resumed run has. */
  durability?: Durability
  /** Of both rates: as they are, or falling to 0. Default linear. */
  schedule?: 'constant' | 'linear'
  /** Examples a step, 1 to 2^20. Default: the format's. */
  batch?: number
  /** Passes over the data, from 1. Default: the format's. */
  epochs?: number
  /** Steps after which the run ends, and its schedule with it, from 1. Default: as many as the epochs have. */
  maxSteps?: number
  /** Longest gradient, of the head and of what is below it, above 0. Default: no limit. */
  clipNorm?: number
  /** Of the head, at least 0. Default 0. */
  weightDecay?: number
  /** Of all that is random: a whole number from 0. Default 0. */
  seed: number
  /** Threads to compute with, 1 to 1024. Default: all cores. */
  threads?: number
  /** Examples held in memory to be shuffled, 1 to 2^30. Default 2^20. */
  shuffleBuffer: number
  /** Steps between evaluations, from 1. Default: an epoch. */
  evalEvery?: number
  /** Examples of `valid` to evaluate on while training, 0: all. Default 20,000. */
  evalExamples?: number
  /** Steps between lines of metrics.jsonl, from 1. Default 100. */
  logEvery: number
  /** Under mpirun or srun: seconds that ranks wait for one of them before the job ends, 0: for ever. Default 300. */
  stallTimeout?: number
}

export interface TrainingConfig extends Pace {
  maxSteps?: number
  clipNorm?: number
  weightDecay: number
  seed: number
  shuffleBuffer: number
}

export function usage(message: string): WideheadError {
  return new WideheadError('WIDEHEAD_USAGE', message)
}

/** `minCount` as `--min-count`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** The settings of the format among the options; one of another format is a mistake. */
export function formatSettings(format: Format, options: TrainOptions): Settings {
  const given: Record<string, unknown> = {}
  for (const { name, settings } of Object.values(FORMATS)) {
    for (const setting of settings) {
      if (options[setting.name] === undefined) continue
      if (name !== format.name)
        throw usage(`${flagOf(setting.name)} is an option of the format ${name}, not ${format.name}`)
      given[setting.name] = options[setting.name]
    }
  }
  return completeSettings(format, given, (name, fault) => usage(`${flagOf(name)} ${fault}`))
}

/** Which options are parameters of which loss. */
const LOSS_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  'weighted-squared-error': ['negativeWeight', 'positiveWeight'],
  'spherical-softmax': ['epsilon'],
  'z-loss': ['alpha', 'beta'],
}
const ALL_LOSS_PARAMETERS = Object.values(LOSS_PARAMETERS).flat()

/** Options of a run whose head is settled. */
type HeadedOptions = TrainOptions & { head: HeadName }

/** The same with the head's own options, which were checked. */
export type SettledOptions = HeadedOptions & { headOptions: HeadOptionValues }

/**
 * The head asked for; the exact one where a loss or a parameter of one is; else the format's, once that is known. Refuses what does
 * not go with it.
 */
export function settleHead(options: TrainOptions, format: FormatName): SettledOptions
export function settleHead(options: TrainOptions): SettledOptions | undefined
export function settleHead(options: TrainOptions, format?: FormatName): SettledOptions | undefined {
  const names = ['loss', ...ALL_LOSS_PARAMETERS]
  const forced = names.some((name) => options[name] !== undefined) ? 'exact' : undefined
  const head = options.head ?? forced ?? (format && defaultHead(format))
  return head && { ...options, head, headOptions: headOptions({ ...options, head }) }
}

/** The options of the head among those given; what does not go with the head is refused. */
function headOptions(options: HeadedOptions): HeadOptionValues {
  const { head } = options
  checkStorage(options)
  const own = headKind(head).loss
  if (own) checkOwnLoss(options, own)
  else checkAnyLoss(options)
  const optimizers = optimizersOf(headKind(head))
  if (options.headOptimizer && !optimizers.includes(options.headOptimizer)) {
    const trained = optimizers.length > 0 ? optimizers.join(' or ') : 'SGD'
    throw usage(`--head-optimizer ${options.headOptimizer} is not for the head ${head}, which is trained by ${trained}`)
  }
  const given = HEAD_OPTIONS.map(({ name }) => [name, options[name]]).filter(([, value]) => value !== undefined)
  return checkHeadOptions(head, Object.fromEntries(given), (name, fault) => usage(`${flagOf(name)} ${fault}`))
}

function checkStorage({ head, storageFile, durability }: HeadedOptions): void {
  if (storageFile !== undefined && head !== 'exact') throw usage(`--storage-file is for the head exact, not ${head}`)
  if (durability !== undefined && storageFile === undefined) throw usage('--durability needs --storage-file')
}

/** Where the rows of the head are to be, if that was said. */
export function storageOf({ storageFile: path, durability }: TrainOptions): HeadStorage | undefined {
  return path === undefined ? undefined : { kind: 'file', path, durability }
}

function checkOwnLoss({ head, ...options }: HeadedOptions, own: string): void {
  if (options.loss !== undefined && options.loss !== own) {
    throw usage(`--loss ${options.loss} is none of the head ${head}, which has its own (${own}): leave it out`)
  }
  for (const parameter of ALL_LOSS_PARAMETERS) {
    if (options[parameter] !== undefined) throw usage(`${flagOf(parameter)} is no parameter of the loss ${own}`)
  }
}

function checkAnyLoss({ head, loss }: HeadedOptions): void {
  const owners = headsWith((kind) => kind.loss === loss && loss !== undefined)
  if (owners) throw usage(`--loss ${loss} is none of the head ${head}: give --head, one of ${owners}`)
}

function lossOf(options: TrainOptions, name: string, negativeWeight: number) {
  const own = LOSS_PARAMETERS[name] ?? []
  const parameters: Record<string, number> = own.includes('negativeWeight') ? { negativeWeight } : {}
  for (const parameter of ALL_LOSS_PARAMETERS) {
    const value = options[parameter] as number | undefined
    if (value === undefined) continue
    if (!own.includes(parameter)) throw usage(`${flagOf(parameter)} is no parameter of the loss ${name}`)
    parameters[parameter] = value
  }
  try {
    return { name, parameters: createLoss(name, parameters).parameters }
  } catch (error) {
    throw usage((error as Error).message)
  }
}

/**
 * Layer widths. Where an example is one bag and --embedding is not given, the first width is that of the embeddings: a sum
 * of embeddings is a layer over sparse inputs already.
 */
function layerWidths(options: TrainOptions, slots: number, defaults: { hidden: number[]; embedding?: number }) {
  const hidden = options.hidden ?? defaults.hidden
  const embedding = options.embedding ?? defaults.embedding
  if (embedding !== undefined) return { embedding, widths: hidden }
  if (!hidden.length || slots > 1) throw usage('--embedding is needed')
  return { embedding: hidden[0], widths: hidden.slice(1) }
}

/** What the first step would refuse is told before an old model has been replaced. */
function checkRates({ learningRate, headLearningRate, weightDecay }: TrainingConfig): void {
  for (const [name, rate] of Object.entries({ learningRate, headLearningRate })) {
    if (rate > LARGEST_RATE) throw usage(`${flagOf(name)} must be at most ${LARGEST_RATE}, got ${rate}`)
  }
  const product = headLearningRate * weightDecay
  if (product >= 1) throw usage(`--head-learning-rate times --weight-decay must be below 1, got ${product}`)
}

/** The network and its training, every default filled in. */
export function resolveRun(options: SettledOptions, format: Format, task: Task) {
  if (!task.trainExamples)
    throw new WideheadError('WIDEHEAD_DATA', `${options.train.join(', ')}: no example to train on`)
  const defaults = runDefaults(format.name, options.head, options.loss)
  const { embedding, widths } = layerWidths(options, task.slots, defaults)
  const activation = options.activation ?? defaults.activation
  const network: NetworkConfig = {
    numInputs: task.numInputs,
    slots: task.slots,
    combine: task.combine,
    embedding,
    layers: widths.map((size) => ({ size, activation })),
    numClasses: task.numClasses,
    hiddenSize: widths.at(-1) ?? task.slots * embedding,
    head: options.head,
    headOptions: options.headOptions,
    bias: options.bias ?? false,
    loss: headKind(options.head).loss ? null : lossOf(options, defaults.loss, defaults.negativeWeight),
  }
  const training: TrainingConfig = {
    optimizer: options.optimizer ?? defaults.optimizer,
    learningRate: options.learningRate ?? defaults.learningRate,
    headLearningRate: options.headLearningRate ?? defaults.headLearningRate,
    headOptimizer: options.headOptimizer ?? defaults.headOptimizer,
    schedule: options.schedule ?? defaults.schedule,
    batch: options.batch ?? defaults.batch,
    epochs: options.epochs ?? defaults.epochs,
    maxSteps: options.maxSteps,
    clipNorm: options.clipNorm,
    weightDecay: options.weightDecay ?? 0,
    seed: options.seed,
    shuffleBuffer: options.shuffleBuffer,
  }
  checkRates(training)
  return { network, training }
}
