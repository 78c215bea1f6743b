// A whole file of each format: recognised, learned, read as training and as test data, and line by line as queries.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Batch, BatchBuilder } from '../../../lib/data/batch.js'
import type { Format, Task } from '../../../lib/data/formats/format.js'
import { recogniseSource } from '../../../lib/data/formats/index.js'
import { sequences as sequencesFormat } from '../../../lib/data/formats/sequences.js'
import { sets as setsFormat } from '../../../lib/data/formats/sets.js'
import { completeSettings } from '../../../lib/data/formats/settings.js'
import { text as textFormat } from '../../../lib/data/formats/text.js'
import { xmc as xmcFormat } from '../../../lib/data/formats/xmc.js'
import { TrainStream, testBatches } from '../../../lib/data/stream.js'
import { CORPORA } from '../../cli/helpers.js'
import { accepted, must, type Target } from '../target.js'

/** A model as large as this is what the file asked for; its memory is no fault of the parser. */
const LARGEST = 2 ** 16

/** `choices` are settings, of which the length of an input picks one. */
function target(format: Format, dictionary: string[], choices: Record<string, unknown>[]): Target {
  return {
    name: format.name,
    dictionary: [...dictionary, '\n', '\r\n', ' ', '\t', '__proto__', '\u0130', '\ud83d', '\u00a0', '\u{1f600}'],
    seeds: [CORPORA[format.name].slice(0, 300), CORPORA[format.name].split('\n').slice(0, 3).join('\n')],

    async check(input, folder) {
      const source = { path: join(folder, format.name), label: 'file' }
      writeFileSync(source.path, input)
      await accepted(input, () => recogniseSource(source))
      const given = choices[input.length % choices.length]
      const settings = completeSettings(format, given, (name, fault) => new Error(`${name} ${fault}`))
      const learned = await accepted(input, () => format.learn([source], settings))
      if (!learned) return
      const { features = 0, labels = 0 } = learned.value.sizes
      if (features > LARGEST || labels > LARGEST) return
      const task = format.task(learned.value, settings)
      await accepted(input, () => readEverything(task, source.path))
      for (const [i, line] of input.toString('utf8').split('\n').slice(0, 20).entries()) {
        const batch = new BatchBuilder()
        const answer = await accepted(input, () => task.query(line, i + 1, batch))
        if (answer?.value) checkBatch(batch.finish(), task)
      }
    },
  }
}

async function readEverything(task: Task, path: string): Promise<void> {
  const sources = [{ path, label: 'file' }]
  let examples = 0
  for await (const batch of new TrainStream(task, sources, { batch: 7, buffer: 50, seed: 1 }).epoch(1)) {
    checkBatch(batch, task)
    must(
      batch.missing.every((count) => count === 0),
      'all targets of training data are known',
    )
    examples += batch.size
  }
  // Sets count owners with two items or more, and the count is that of all lines.
  must(examples === task.trainExamples, `${examples} examples, ${task.trainExamples} were learned`)
  const history = task.usesHistory ? sources : []
  for await (const batch of testBatches(task, sources, history, { batch: 5 })) checkBatch(batch, task)
  task.metrics().result()
}

/** Whatever the file holds, the network gets offsets that grow and ids that it has. */
function checkBatch({ size, input, truth, missing, excluded }: Batch, task: Task): void {
  checkRows(input, size * task.slots, task.numInputs, 'inputs')
  checkRows(truth, size, task.numClasses, 'targets')
  checkRows(excluded, size, task.numClasses, 'excluded')
  must(missing.length === size && missing.every((count) => count >= 0), 'missing')
  must(!input.values || input.values.length === input.indices.length, 'as many values as inputs')
  must(!input.values || input.values.every(Number.isFinite), 'values are finite')
}

function checkRows(
  rows: { indptr: ArrayLike<number>; indices: ArrayLike<number> },
  count: number,
  ids: number,
  what: string,
) {
  const { indptr, indices } = rows
  must(indptr.length === count + 1 && indptr[0] === 0 && indptr[count] === indices.length, `offsets of ${what}`)
  for (let i = 0; i < count; i++) must(indptr[i] <= indptr[i + 1], `offsets of ${what} grow`)
  for (let i = 0; i < indices.length; i++)
    must(indices[i] >= 0 && indices[i] < ids, `${what}: id ${indices[i]} of ${ids}`)
}

export const xmc = target(
  xmcFormat,
  ['2 3 4\n', '1 1 1\n0 0:1\n', '0,1 0:1 1:2', ':', ',', '0:-1', '0:0', '0:1e38', '0:3e-45', '0:-0'],
  [{}, { features: 'log' }, { features: 'given', normalise: false }],
)
export const text = target(
  textFormat,
  ['<doc>', '</doc>', '<doc id="1">', "don't", '.', '"', "'", '’', '(a).', '<unk>', 'a', 'b '],
  [{}, { tokens: 'whitespace', lowercase: false, minCount: 1 }, { context: 1, maxWords: 2 }, { context: 30 }],
)
export const sets = target(setsFormat, ['0 a b\n', '1 a a b c\n', 'a', 'b'], [{}, { hide: 0.1 }, { hide: 0.9 }])
export const sequences = target(
  sequencesFormat,
  ['a b a\n', 'a', 'b', 'c d e'],
  [{}, { recent: 1, decay: 0 }, { recent: 100, decay: 1 }],
)
