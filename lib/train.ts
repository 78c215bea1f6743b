// What `widehead train` does, as a function: data from memory or from anywhere, an AbortSignal, a callback.

import { Readable, Writable } from 'node:stream'
import { CommanderError } from 'commander'
import { checkFunction, checkObject, checkString, kindOf } from './check.js'
import { parseTrainOptions } from './cli/commands/train.js'
import type { MetricsLine } from './cli/metrics-log.js'
import { flagOf, type NamedTrainOptions } from './cli/run.js'
import type { Stopper } from './cli/training-run.js'
import { FORMATS } from './data/formats/index.js'
import { Sources } from './data/source.js'
import type { Communicator } from './distributed/communicator.js'
import { readDistributed } from './distributed/options.js'
import { rangeError, typeError, WideheadError } from './errors.js'

export type { MetricsLine } from './cli/metrics-log.js'

/**
 * A line of the format, or its parts: what stands between white space. Parts may hold white space if `format` is sets or sequences.
 *
 * @category The command line as functions
 */
export type DataRecord = string | readonly (string | number | bigint)[]
/**
 * Paths of files (plain, gzip, CSV or Parquet), or records.
 *
 * @category The command line as functions
 */
export type Data =
  | string
  | {
      /** Paths, read one after the other. */
      files: readonly string[]
    }
  | Iterable<DataRecord>
  | AsyncIterable<DataRecord>

/**
 * Options of {@link train}: those of `widehead train` in camel case, and settings of formats and options of heads among them by
 * their names (`minCount`, `samples` ...). The reference of the command line has all of them.
 *
 * @category The command line as functions
 */
export interface TrainOptions
  extends Partial<Omit<NamedTrainOptions, 'train' | 'valid' | 'out' | 'checkpointEvery' | 'stallTimeout'>> {
  /** The training data: the path of a file, { files }, or records, which are read once and kept in a temporary file. */
  data: Data
  /** Held-out data to evaluate on. */
  valid?: Data
  /** The folder for the model, its checkpoints and metrics. */
  out: string
  /** Default: told by the first lines. */
  format?: 'text' | 'xmc' | 'sets' | 'sequences'
  /** Steps, or a time as '30s', '10m' or '2h'. Default '10m'. */
  checkpointEvery?: number | string
  /**
   * What `mpi()` returns: all its ranks call train(), with the same options and the same data, and train one model together, each on its
   * share of every minibatch. `out` is one folder that all can reach; `storageFile` is for one rank, and so are most heads. A signal or
   * a time of `checkpointEvery` on any rank, and of the first, holds for all. What one rank cannot open (data, the network, a checkpoint,
   * the folder) is an error of all, which names the rank. One that fails alone later has to end its process, which ends the job; else the
   * others wait for it until `stallTimeout` of mpi().
   */
  distributed?: Communicator
  /** Saves and ends the run after the step that is under way. */
  signal?: AbortSignal
  /** Told of each line of metrics.jsonl as it is written. What it throws ends the run, after saving. */
  onMetrics?: (line: MetricsLine) => void
  /** Settings of formats (minCount, context, hide ...) and options of heads (samples, tables ...). */
  [setting: string]: unknown
}

/**
 * How a run ended.
 *
 * @category The command line as functions
 */
export interface TrainResult {
  /** `out`: open it with createPredictor(), or loadHead(`${out}/checkpoints`). */
  out: string
  /** Steps made since the start of the run, those before a resumption among them. */
  step: number
  /** True if the signal stopped it: with `resume: true` the same call goes on. */
  stopped: boolean
  /** Scores on `valid` at the end, if there were any. */
  scores: Readonly<Record<string, number>> | undefined
}

/**
 * Trains a network and saves it, as `widehead train` does: its options are those of that command in camel case, with the same
 * defaults. Prints nothing.
 *
 * @param options data, a folder, and what is not to be the default
 * @throws as a rejection: a TypeError or RangeError for data, a callback or a signal that is none; the reason of a signal that is
 * aborted before the first step (on one rank); WIDEHEAD_USAGE for options that make no sense, or a model that is there already; WIDEHEAD_DATA for a bad line; WIDEHEAD_FILE for files that cannot be read or written;
 * WIDEHEAD_LOSS if training diverges (the last checkpoint stays); WIDEHEAD_OUT_OF_MEMORY; what `onMetrics` or `data` throws; WIDEHEAD_DISTRIBUTED,
 * if ranks have other options or data, or one of them cannot
 * @category The command line as functions
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  checkObject('options', options)
  const { data, valid, signal, onMetrics, distributed, ...others } = options
  checkCallbacks(signal, onMetrics)
  const communicator = readDistributed(distributed)
  if (typeof others.out !== 'string' || others.out === '') throw typeError('out must be the path of a folder')
  if (!communicator) signal?.throwIfAborted()
  const streams: Record<string, { label: string; open: () => Readable }> = {}
  const names = (name: 'data' | 'valid', value: Data): string[] => {
    if (typeof value === 'string') return [value]
    checkObject(name, value)
    if ('files' in value) return checkPaths(`${name}.files`, value.files)
    checkRecords(name, value)
    streams[`<${name}>`] = {
      label: name,
      open: () => Readable.from(lines(name, value, QUOTING.has(String(others.format)))),
    }
    return [`<${name}>`]
  }
  const args = [
    '--train',
    ...names('data', data),
    ...(valid === undefined ? [] : ['--valid', ...names('valid', valid)]),
  ]
  const settled = parse([...args, ...argumentsOf(others)])
  const { trainOn } = await import('./cli/train.js')
  const { Ranks } = await import('./cli/ranks.js')
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const stopper = new AbortStopper(signal, communicator !== undefined)
  const ranks = communicator && new Ranks(communicator)
  const outcome = await trainOn(new Sources(streams), settled, { stderr: silent }, stopper, onMetrics, ranks)
  return { out: others.out, ...outcome }
}

function checkPaths(name: string, paths: unknown): string[] {
  if (!Array.isArray(paths)) throw typeError(`${name} must be an array of paths, got ${kindOf(paths)}`)
  if (!paths.length) throw rangeError(`${name} must hold one path or more, got none`)
  return paths.map((path, i) => checkString(`${name}[${i}]`, path))
}

function checkRecords(name: string, value: object): asserts value is Iterable<DataRecord> | AsyncIterable<DataRecord> {
  if (Symbol.iterator in value || Symbol.asyncIterator in value) return
  throw typeError(`${name} must be a path, { files }, or an (async) iterable of records, got ${kindOf(value)}`)
}

function checkCallbacks(signal: unknown, onMetrics: unknown): void {
  if (onMetrics !== undefined) checkFunction('onMetrics', onMetrics)
  if (signal === undefined) return
  // Not by its class: one may come from another realm, or stand in for one.
  const { aborted, throwIfAborted } = (signal ?? {}) as Partial<AbortSignal>
  if (typeof aborted === 'boolean' && typeof throwIfAborted === 'function') return
  throw typeError(`signal must be an AbortSignal, got ${kindOf(signal)}`)
}

class AbortStopper implements Stopper {
  constructor(
    private readonly signal: AbortSignal | undefined,
    /** Whether there are ranks that must not begin without this one. */
    private readonly together: boolean,
  ) {}

  /** Before the first step there is nothing to save. */
  begin(): void {
    if (!this.together) this.signal?.throwIfAborted()
  }

  get stopping(): boolean {
    return this.signal?.aborted ?? false
  }
}

/** The command's parsers check the options: what they refuse is told in the command's words. */
function parse(args: readonly string[]) {
  try {
    return parseTrainOptions(args)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    throw new WideheadError('WIDEHEAD_USAGE', error.message.replace(/^error: /, ''), { cause: error })
  }
}

/** What is true unless it is denied: `lowercase: false` is --no-lowercase. */
const GIVEN = new Set(
  Object.values(FORMATS).flatMap(({ settings }) =>
    settings.filter((setting) => setting.default === true).map(({ name }) => name),
  ),
)

function argumentsOf(options: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = flagOf(name)
    if (value === undefined || value === GIVEN.has(name)) return []
    if (typeof value === 'boolean') return [value ? flag : `--no-${flag.slice(2)}`]
    return [`${flag}=${textOf(value)}`]
  })
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(',') || 'none'
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value) // columns
    .map(([role, column]) => `${role}=${column}`)
    .join(',')
}

/** Formats that read a line as a JSON array too, so that parts may hold white space. */
const QUOTING = new Set(['sets', 'sequences'])

async function* lines(
  name: string,
  records: Iterable<DataRecord> | AsyncIterable<DataRecord>,
  quotes: boolean,
): AsyncGenerator<string> {
  let number = 0
  let text = ''
  for await (const record of records) {
    text += `${lineOf(`${name}[${number++}]`, record, quotes)}\n`
    if (text.length < 65536) continue
    yield text
    text = ''
  }
  yield text
}

function lineOf(name: string, record: unknown, quotes: boolean): string {
  if (typeof record === 'string') {
    if (/[\r\n]/.test(record)) throw rangeError(`${name} must be one line, got a line break in it`)
    return record
  }
  if (!Array.isArray(record)) throw typeError(`${name} must be a string or an array, got ${kindOf(record)}`)
  const parts = Array.from(record, (part, i) => partOf(`${name}[${i}]`, part))
  const spaced = parts.find((part) => !/^\S+$/.test(part))
  // A first part that begins as a JSON array does would make the line one.
  if (spaced === undefined && !(quotes && parts[0]?.startsWith('['))) return parts.join(' ')
  if (quotes && !parts.includes('')) return JSON.stringify(parts)
  throw rangeError(`${name} must be of parts without white space, got ${JSON.stringify(spaced)}`)
}

/** A missing value would be an item of the name "null", which all that lack theirs share. */
function partOf(name: string, part: unknown): string {
  if (typeof part === 'string' || typeof part === 'bigint') return String(part)
  if (typeof part !== 'number') throw typeError(`${name} must be a string or a number, got ${kindOf(part)}`)
  if (Number.isFinite(part) && Math.abs(part) <= Number.MAX_SAFE_INTEGER) return String(part)
  throw rangeError(`${name} must be a number below 2^53, which has all its digits, got ${part}: give it as a string`)
}
