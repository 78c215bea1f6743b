// From files to minibatches. Training shuffles: a chunk of at most `buffer` examples is read, put into random order and
// emitted, then the next; a corpus that fits into one chunk is shuffled as a whole, read once and kept. An epoch's order
// depends on (seed, epoch) alone.

import { WideheadError } from '../errors.js'
import { type Batch, BatchBuilder } from './batch.js'
import { Chunk } from './chunk.js'
import type { LineReader, Task } from './formats/format.js'
import { LineError, readBlocks } from './lines.js'
import { Random, shuffle } from './random.js'
import type { Source } from './source.js'

export function badData(label: string, line: number, error: unknown): unknown {
  if (!(error instanceof LineError)) return error
  return new WideheadError('WIDEHEAD_DATA', `${label}:${line}: ${error.message}`)
}

/** Calls the reader for each line of each source, with errors that say where; yields whenever `pause` asks. */
async function* readRecords(
  sources: readonly Source[],
  reader: LineReader,
  pause: () => boolean = () => false,
): AsyncGenerator<void> {
  for (const source of sources) {
    let number = 0
    reader.begin?.(source)
    for await (const { first, lines } of readBlocks(source, { split: reader.split })) {
      for (let i = 0; i < lines.length; i++) {
        number = first + i
        try {
          reader.line(lines[i])
        } catch (error) {
          throw badData(source.label, number, error)
        }
        if (pause()) yield
      }
    }
    try {
      reader.end?.()
    } catch (error) {
      throw badData(source.label, number, error)
    }
  }
}

/** Reads all of it, for passes that only count. */
export async function readAll(sources: readonly Source[], reader: LineReader): Promise<void> {
  for await (const _ of readRecords(sources, reader)) {
    // `pause` never asks
  }
}

async function* readChunks(
  sources: readonly Source[],
  open: (chunk: () => Chunk) => LineReader,
  buffer: number,
): AsyncGenerator<{ chunk: Chunk; whole: boolean }> {
  let chunk = new Chunk()
  let whole = true
  const reader = open(() => chunk)
  for await (const _ of readRecords(sources, reader, () => chunk.full(buffer))) {
    whole = false
    yield { chunk, whole }
    chunk = new Chunk()
  }
  if (chunk.size) yield { chunk, whole }
}

export interface TrainStreamOptions {
  batch: number
  /** Examples held in memory for shuffling. */
  buffer: number
  seed: number
}

export class TrainStream {
  private kept: Chunk | undefined

  constructor(
    private readonly task: Task,
    private readonly sources: readonly Source[],
    private readonly options: TrainStreamOptions,
  ) {}

  async *epoch(epoch: number): AsyncGenerator<Batch> {
    const random = new Random(this.options.seed, 1, epoch)
    const builder = new BatchBuilder()
    for await (const chunk of this.chunks()) {
      const order = Int32Array.from({ length: chunk.size }, (_, i) => i)
      shuffle(order, random)
      for (const example of order) {
        this.task.emit(chunk, example, builder, random)
        if (builder.size === this.options.batch) yield builder.finish()
      }
    }
    if (builder.size) yield builder.finish()
  }

  private async *chunks(): AsyncGenerator<Chunk> {
    if (this.kept) {
      yield this.kept
      return
    }
    const open = (chunk: () => Chunk) => this.task.trainReader(chunk)
    for await (const { chunk, whole } of readChunks(this.sources, open, this.options.buffer)) {
      if (whole) this.kept = chunk
      yield chunk
    }
  }
}

export interface TestStreamOptions {
  batch: number
  /** At most this many examples, drawn at random (the same ones each time) from the first 2^20 or as many; default: all, in order. */
  limit?: number
}

const LIMITED_FROM = 2 ** 20

/** Minibatches of held-out data. `history` is what the examples' owners did before, where the format has owners. */
export async function* testBatches(
  task: Task,
  test: readonly Source[],
  history: readonly Source[],
  options: TestStreamOptions,
): AsyncGenerator<Batch> {
  const builder = new BatchBuilder()
  const open = await task.testReader(test, history)
  const buffer = options.limit === undefined ? 2 ** 16 : Math.max(LIMITED_FROM, options.limit)
  for await (const { chunk } of readChunks(test, open, buffer)) {
    const order = Int32Array.from({ length: chunk.size }, (_, i) => i)
    const count = Math.min(options.limit ?? order.length, order.length)
    if (count < order.length) {
      shuffle(order, new Random(0, 2), count)
      order.subarray(0, count).sort()
    }
    for (let i = 0; i < count; i++) {
      task.emitTest(chunk, order[i], builder)
      if (builder.size === options.batch) yield builder.finish()
    }
    if (options.limit !== undefined) break
  }
  if (builder.size) yield builder.finish()
}
