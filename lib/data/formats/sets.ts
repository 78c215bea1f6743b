// sets: a line is an owner and the items of its set, in any order; predict hidden items of a set from the others.
//
// Training hides a random share of each set, drawn anew each epoch, and predicts it from the rest. Evaluation predicts the
// items of a line from those that the same owner has in the history files, which are left out of the ranking.
// Records of a chunk: training: the items. Test: number of targets, of misses, then targets, then history (to the end,
// which the example's mark gives).

import { SetRecall } from '../../metrics.js'
import type { BatchBuilder } from '../batch.js'
import type { Chunk } from '../chunk.js'
import { LineError } from '../lines.js'
import { type Random, shuffle } from '../random.js'
import type { Source } from '../source.js'
import { readAll } from '../stream.js'
import { Counter } from '../vocabulary.js'
import type { Format, LineReader, Query, Task } from './format.js'
import { ItemTask } from './item-task.js'
import { countAll, IdLines, idsOf, known, looksLikeProse, roughIdsOf } from './tokens.js'

interface SetSettings {
  hide: number
}

interface OwnedSet {
  owner: string
  items: string[]
}

function setOf([owner, ...items]: readonly string[]): OwnedSet | undefined {
  return owner === undefined ? undefined : { owner, items: [...new Set(items)] }
}

/** A reader of files whose lines are sets; `take` gets those of lines that are not empty. */
function setReader(take: (set: OwnedSet) => void): LineReader {
  const reader = new IdLines()
  const line = (text: string) => {
    const set = setOf(reader.ids(text))
    if (set) take(set)
  }
  return { begin: () => reader.begin(), line }
}

class SetTask extends ItemTask<SetSettings> implements Task {
  readonly combine = 'sqrt'
  readonly usesHistory = true
  readonly slots = 1

  trainReader(chunk: () => Chunk): LineReader {
    return setReader(({ items }) => {
      const { ids } = known(items, this.vocabulary)
      if (ids.length < 2) return // nothing to predict it from
      const { ids: store } = chunk()
      const start = store.length
      store.append(ids)
      chunk().example(start, store.length)
    })
  }

  emit(chunk: Chunk, example: number, batch: BatchBuilder, random: Random): void {
    const items = chunk.ids.data.slice(chunk.starts.data[example], chunk.marks.data[example])
    const hidden = Math.min(Math.max(Math.floor(items.length * this.settings.hide), 1), items.length - 1)
    shuffle(items, random, hidden)
    for (let i = 0; i < items.length; i++) {
      if (i < hidden) batch.target(items[i])
      else batch.item(items[i])
    }
    batch.endBag()
    batch.endExample()
  }

  async testReader(test: readonly Source[], history: readonly Source[]): Promise<(chunk: () => Chunk) => LineReader> {
    const owners = await this.readHistory(test, history)
    return (chunk) =>
      setReader(({ owner, items }) => {
        if (!items.length) return
        const { ids, unknown } = known(items, this.vocabulary)
        const { ids: store } = chunk()
        const start = store.length
        store.append([ids.length, unknown.length])
        store.append(ids)
        store.append([...(owners.get(owner) ?? [])])
        chunk().example(start, store.length)
      })
  }

  /** What the owners of the test file have in the history files; others are not kept. */
  private async readHistory(test: readonly Source[], history: readonly Source[]): Promise<Map<string, Set<number>>> {
    const owners = new Map<string, Set<number>>()
    const register = ({ owner }: OwnedSet) => {
      owners.set(owner, owners.get(owner) ?? new Set())
    }
    await readAll(test, setReader(register))
    const collect = ({ owner, items }: OwnedSet) => {
      const kept = owners.get(owner)
      if (kept) for (const id of known(items, this.vocabulary).ids) kept.add(id)
    }
    await readAll(history, setReader(collect))
    return owners
  }

  emitTest(chunk: Chunk, example: number, batch: BatchBuilder): void {
    const start = chunk.starts.data[example]
    const [targets, missing] = chunk.ids.data.subarray(start, start + 2)
    for (let i = start + 2; i < chunk.marks.data[example]; i++) {
      const id = chunk.ids.data[i]
      if (i < start + 2 + targets) batch.target(id)
      else {
        batch.item(id)
        batch.exclude(id)
      }
    }
    batch.missed(missing)
    batch.endBag()
    batch.endExample()
  }

  query(line: string, _number: number, batch: BatchBuilder): Query {
    const { ids, unknown } = known(setOf(idsOf(line))?.items ?? [], this.vocabulary)
    for (const id of ids) {
      batch.item(id)
      batch.exclude(id)
    }
    batch.endBag()
    batch.endExample()
    return { unknown }
  }

  metrics(): SetRecall {
    return new SetRecall()
  }
}

export const sets: Format = {
  name: 'sets',
  summary: 'a line an owner, `owner item item ...`: predict hidden items of a set from the others',
  settings: [
    {
      name: 'hide',
      description: 'share of each set to predict from the rest',
      kind: 'number',
      minimum: 0.01,
      maximum: 0.99,
      default: 0.5,
    },
  ],

  recognises(lines) {
    const rows = lines.map(roughIdsOf).filter((row) => row.length > 0)
    const owners = new Set(rows.map((row) => row[0]))
    const distinct = (row: string[]) => row.length > 1 && new Set(row.slice(1)).size === row.length - 1
    return rows.length > 0 && owners.size === rows.length && rows.every(distinct) && !looksLikeProse(rows.flat())
  },

  async learn(sources) {
    const counter = new Counter()
    let examples = 0
    const count = ({ owner, items }: OwnedSet) => {
      if (!items.length) throw new LineError(`owner ${owner} has no items`)
      countAll(counter, items)
      if (items.length > 1) examples++
    }
    await readAll(sources, setReader(count))
    return { sizes: { examples }, vocabulary: counter.vocabulary(), statistics: {} }
  },

  task: (learned, settings) => new SetTask(learned, settings as unknown as SetSettings),
}
