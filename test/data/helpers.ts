// Small corpora in memory for tests of formats.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type Batch, BatchBuilder } from '../../lib/data/batch.js'
import type { Format, Task } from '../../lib/data/formats/format.js'
import { completeSettings } from '../../lib/data/formats/settings.js'
import type { Source } from '../../lib/data/source.js'
import { TrainStream, testBatches } from '../../lib/data/stream.js'

/** A folder that is gone after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'widehead-test-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export class Corpus {
  private readonly folder = temporaryFolder()
  private count = 0

  file(content: string, name = `file-${this.count++}`): Source {
    const path = join(this.folder, name)
    writeFileSync(path, content)
    return { path, label: name }
  }

  async task(format: Format, content: string, given: Record<string, unknown> = {}): Promise<Task> {
    const settings = completeSettings(format, given, (name, fault) => new Error(`${name} ${fault}`))
    return format.task(await format.learn([this.file(content, 'train')], settings), settings)
  }
}

export interface Example {
  /** Per slot: id or [id, value] of each item. */
  bags: (number | [number, number])[][]
  targets: number[]
  missing: number
  excluded: number[]
}

/** A batch as plain examples, in order. */
export function examplesOf({ size, input, truth, missing, excluded }: Batch, slots: number): Example[] {
  const row = ({ indptr, indices }: { indptr: Int32Array; indices: Int32Array }, i: number) =>
    Array.from(indices.subarray(indptr[i], indptr[i + 1]))
  return Array.from({ length: size }, (_, i) => ({
    bags: Array.from({ length: slots }, (_, slot) => {
      const bag = i * slots + slot
      const items: (number | [number, number])[] = []
      for (let j = input.indptr[bag]; j < input.indptr[bag + 1]; j++) {
        const value = input.values?.[j] ?? 1
        items.push(value === 1 ? input.indices[j] : [input.indices[j], Number(value.toFixed(4))])
      }
      return items
    }),
    targets: row(truth, i),
    missing: missing[i],
    excluded: row(excluded, i),
  }))
}

export interface EpochOptions {
  batch?: number
  buffer?: number
  seed?: number
  epoch?: number
}

export async function trainExamples(task: Task, source: Source, options: EpochOptions = {}): Promise<Example[]> {
  const { batch = 3, buffer = 1000, seed = 0, epoch = 1 } = options
  const examples: Example[] = []
  for await (const item of new TrainStream(task, [source], { batch, buffer, seed }).epoch(epoch)) {
    examples.push(...examplesOf(item, task.slots))
  }
  return examples
}

export async function testExamples(
  task: Task,
  test: Source,
  history: Source[] = [],
  limit?: number,
): Promise<Example[]> {
  const examples: Example[] = []
  for await (const batch of testBatches(task, [test], history, { batch: 2, limit })) {
    examples.push(...examplesOf(batch, task.slots))
  }
  return examples
}

/** What `predict` makes of one line. */
export function query(task: Task, line: string, number = 1) {
  const builder = new BatchBuilder()
  const answer = task.query(line, number, builder)
  return { answer, example: examplesOf(builder.finish(), task.slots)[0] }
}
