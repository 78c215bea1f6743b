// sequences: a line is a session, items in order; predict each item from those before it.
//
// An example is a position after the first; its input is two bags: the last item, and the `history` last items, weighted
// by decay^age. Evaluation takes each position too, as the published results on augmented sessions do.
// A chunk's record is one session (-1 for an item without an id, in test data only); an example's mark is its position.

import { NextItem } from '../../metrics.js'
import type { BatchBuilder } from '../batch.js'
import type { Chunk } from '../chunk.js'
import { readAll } from '../stream.js'
import { Counter } from '../vocabulary.js'
import type { Format, LineReader, Query, Task } from './format.js'
import { ItemTask } from './item-task.js'
import { countAll, IdLines, idsOf, known, looksLikeProse, roughIdsOf } from './tokens.js'

interface SequenceSettings {
  recent: number
  decay: number
}

class SequenceTask extends ItemTask<SequenceSettings> implements Task {
  readonly combine = 'sum'
  readonly usesHistory = false
  readonly slots = 2

  trainReader(chunk: () => Chunk): LineReader {
    const reader = new IdLines()
    return {
      begin: () => reader.begin(),
      line: (line) => {
        const items = reader.ids(line)
        if (items.length < 2) return
        const start = chunk().ids.length
        for (const item of items) chunk().ids.push(this.vocabulary.id(item) ?? -1)
        for (let position = 1; position < items.length; position++) chunk().example(start, position)
      },
    }
  }

  emit(chunk: Chunk, example: number, batch: BatchBuilder): void {
    const start = chunk.starts.data[example]
    const end = start + chunk.marks.data[example]
    this.input(chunk.ids.data.subarray(start, end), batch)
    const target = chunk.ids.data[end]
    if (target < 0) batch.missed(1)
    else batch.target(target)
    batch.endExample()
  }

  /** The two bags of the items seen so far, of which those without an id are passed over. */
  private input(session: ArrayLike<number>, batch: BatchBuilder): void {
    let end = session.length
    while (end > 0 && session[end - 1] < 0) end--
    if (end > 0) batch.item(session[end - 1])
    batch.endBag()
    const first = Math.max(0, end - this.settings.recent)
    for (let i = first; i < end; i++) {
      if (session[i] >= 0) batch.item(session[i], this.settings.decay ** (end - 1 - i))
    }
    batch.endBag()
  }

  async testReader(): Promise<(chunk: () => Chunk) => LineReader> {
    return (chunk) => this.trainReader(chunk)
  }

  emitTest(chunk: Chunk, example: number, batch: BatchBuilder): void {
    this.emit(chunk, example, batch)
  }

  query(line: string, _number: number, batch: BatchBuilder): Query {
    const { ids, unknown } = known(idsOf(line), this.vocabulary)
    this.input(ids, batch)
    batch.endExample()
    return { unknown }
  }

  metrics(): NextItem {
    return new NextItem()
  }
}

export const sequences: Format = {
  name: 'sequences',
  summary: 'a line a session, `item item ...` in order: predict the next item',
  settings: [
    { name: 'recent', description: 'items of a session to look back', kind: 'integer', minimum: 1, default: 20 },
    {
      name: 'decay',
      description: 'weight of an item against the one after it',
      kind: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.8,
    },
  ],

  recognises(lines) {
    const rows = lines.map(roughIdsOf).filter((row) => row.length > 0)
    const owners = new Set(rows.map((row) => row[0]))
    const repeats = rows.some((row) => new Set(row.slice(1)).size < row.length - 1)
    // Whoever visits something twice is no set, and a first token that comes back is no owner.
    return rows.length > 0 && !looksLikeProse(rows.flat()) && (repeats || owners.size < rows.length || !counting(rows))
  },

  async learn(sources) {
    const counter = new Counter()
    let examples = 0
    const reader = new IdLines()
    const line = (text: string) => {
      const items = reader.ids(text)
      countAll(counter, items)
      examples += Math.max(0, items.length - 1)
    }
    await readAll(sources, { begin: () => reader.begin(), line })
    return { sizes: { examples }, vocabulary: counter.vocabulary(), statistics: {} }
  },

  task: (learned, settings) => new SequenceTask(learned, settings as unknown as SequenceSettings),
}

/** True if the first tokens count lines: 0 1 2 ... or 1 2 3 ..., which no session's first items would. */
function counting(rows: readonly string[][]): boolean {
  const first = Number(rows[0][0])
  return rows.length > 1 && first <= 1 && rows.every((row, i) => row[0] === String(first + i))
}
