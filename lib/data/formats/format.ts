// The contract of a format of input files: how lines become examples, which settings it has, which metrics judge it.

import type { Metrics } from '../../metrics.js'
import type { BatchBuilder } from '../batch.js'
import type { Chunk } from '../chunk.js'
import type { Random } from '../random.js'
import type { Source } from '../source.js'
import type { Vocabulary } from '../vocabulary.js'

export type FormatName = 'text' | 'xmc' | 'sets' | 'sequences'

export type SettingValue = number | boolean | string
export type Settings = Readonly<Record<string, SettingValue>>

/** A setting of a format: an option of `widehead train`, kept in config.json. */
export interface Setting {
  /** Its name in config.json; on the command line the same in kebab case. */
  name: string
  description: string
  kind: 'integer' | 'number' | 'flag' | 'choice'
  choices?: readonly string[]
  minimum?: number
  maximum?: number
  default: SettingValue
}

/** Gets one line after the other. */
export interface LineReader {
  /** Long lines may be cut at white space. */
  split?: boolean
  /** Before the first line of a file. */
  begin?(source: Source): void
  /** Throws LineError if the line breaks the format. */
  line(line: string): void
  /** After the last line of a file. */
  end?(): void
}

/** What a format learned from the training data; all a saved model needs of it. */
export interface Learned {
  sizes: Readonly<Record<string, number>>
  vocabulary?: Vocabulary
  statistics: Readonly<Record<string, Float64Array>>
}

export interface Format {
  readonly name: FormatName
  readonly summary: string
  readonly settings: readonly Setting[]
  /** True if these first lines of a file may be of this format. */
  recognises(lines: readonly string[]): boolean
  /** One pass over the training data. */
  learn(sources: readonly Source[], settings: Settings): Promise<Learned>
  task(learned: Learned, settings: Settings): Task
}

/** What one line given to `predict` said beside its inputs. */
export interface Query {
  /** Tokens the model does not know. */
  unknown: string[]
}

/** A format with what it learned: turns lines into minibatches for one network. */
export interface Task {
  /** Input ids are 0 to numInputs - 1. */
  readonly numInputs: number
  /** Bags an example. */
  readonly slots: number
  readonly numClasses: number
  /** How often each class occurs in the training data. */
  readonly classCounts: Float64Array
  /** How the embeddings of a bag become one vector. */
  readonly combine: 'sum' | 'mean' | 'sqrt'
  /** True if exp(mean loss) of a probabilistic loss is worth telling. */
  readonly perplexity: boolean
  /** True if held-out examples have owners whose history is their input. */
  readonly usesHistory: boolean
  /** Examples in one epoch. */
  readonly trainExamples: number
  /** Parses training lines into `chunk()`, which may be another one after each line. */
  trainReader(chunk: () => Chunk): LineReader
  /** Adds one example of a chunk of training data to the batch. */
  emit(chunk: Chunk, example: number, batch: BatchBuilder, random: Random): void
  /** The same for held-out data, with everything the metrics need. */
  testReader(test: readonly Source[], history: readonly Source[]): Promise<(chunk: () => Chunk) => LineReader>
  emitTest(chunk: Chunk, example: number, batch: BatchBuilder): void
  /** Adds the example a line given to `predict` describes; undefined if the line is no example. Throws LineError. */
  query(line: string, number: number, batch: BatchBuilder): Query | undefined
  className(id: number): string | number
  inputName(id: number): string | number
  metrics(): Metrics
}
