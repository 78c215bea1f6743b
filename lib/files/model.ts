// A model folder:
//
//   config.json             how the data was read, the network, the options of the run
//   vocabulary.txt          one token a line, by id (formats with tokens)
//   statistics.safetensors  counts of the training data
//   metrics.jsonl           one JSON object a line, appended as the run goes on
//   checkpoints/            the network, as lib/checkpoint/folder.ts says
//
// Each file is replaced as a whole.

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readLatest } from '../checkpoint/folder.js'
import type { Learned } from '../data/formats/format.js'
import { readBlocks } from '../data/lines.js'
import { fileError } from '../data/source.js'
import { Vocabulary } from '../data/vocabulary.js'
import { WideheadError } from '../errors.js'
import { writeAtomically, writeFully } from './atomic.js'
import { type ModelConfig, readConfig, writeConfig } from './config.js'
import { exists } from './exists.js'
import { badFile } from './safetensors.js'
import { SafetensorsFile } from './safetensors-reader.js'
import { tensor, writeSafetensors } from './safetensors-writer.js'

export const MODEL_FILES = {
  config: 'config.json',
  vocabulary: 'vocabulary.txt',
  statistics: 'statistics.safetensors',
  metrics: 'metrics.jsonl',
  checkpoints: 'checkpoints',
} as const

const VOCABULARY_COUNTS = 'vocabularyCounts'

/** What a new model may take the place of: nothing, a run that has not come to its first checkpoint, or whatever is there. */
export type Replaces = 'nothing' | 'unfinished' | 'anything'

/** Throws if there is something in the folder that is not to be replaced, be it no model's. */
export async function checkModelFolder(folder: string, replaces: Replaces): Promise<void> {
  if (replaces === 'anything') return
  const there: string[] = []
  for (const name of Object.values(MODEL_FILES)) if (await exists(join(folder, name))) there.push(name)
  if (!there.length) return
  if (!there.includes(MODEL_FILES.config)) {
    throw usage(
      `${join(folder, there[0])} is there, but no ${MODEL_FILES.config} of a model that it belongs to: pass --overwrite to replace it, or another --out`,
    )
  }
  if (replaces === 'unfinished' && (await isUnfinished(folder))) return
  throw usage(`${folder} already holds a model: pass --resume to go on with it, or --overwrite to replace it`)
}

function usage(message: string): WideheadError {
  return new WideheadError('WIDEHEAD_USAGE', message)
}

/** Throws if its configuration is none of ours. */
async function isUnfinished(folder: string): Promise<boolean> {
  await readConfig(join(folder, MODEL_FILES.config))
  return (await readLatest(join(folder, MODEL_FILES.checkpoints))) === undefined
}

/** True if it was not there. */
export async function makeFolder(folder: string): Promise<boolean> {
  try {
    return (await mkdir(folder, { recursive: true })) !== undefined
  } catch (error) {
    throw fileError(`cannot make the folder ${folder}`, error)
  }
}

/** Makes the folder ready for a new model, which takes the place of what it may. */
export async function createModelFolder(folder: string, replaces: Replaces): Promise<void> {
  await makeFolder(folder)
  await checkModelFolder(folder, replaces)
  // The configuration goes first: without it, what is left of the old model is none. That of a run without a checkpoint stays
  // until there is a new one: by it --resume knows the folder after a kill.
  const names = Object.values(MODEL_FILES).filter((name) => replaces !== 'unfinished' || name !== MODEL_FILES.config)
  for (const name of names) await remove(join(folder, name))
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch((error) => {
    throw fileError(`cannot replace ${path}`, error)
  })
}

/** The configuration comes first: what has one and no checkpoint is a run that may be begun again. */
export async function saveSetup(folder: string, config: ModelConfig, learned: Learned): Promise<void> {
  await writeConfig(join(folder, MODEL_FILES.config), config)
  const { vocabulary, statistics } = learned
  const counts = Object.entries(statistics).map(([name, values]) => tensor(name, [values.length], values))
  if (vocabulary) {
    counts.push(tensor(VOCABULARY_COUNTS, [vocabulary.size], vocabulary.counts))
    await writeVocabulary(join(folder, MODEL_FILES.vocabulary), vocabulary)
  }
  await writeSafetensors(join(folder, MODEL_FILES.statistics), counts)
}

export async function loadSetup(folder: string): Promise<{ config: ModelConfig; learned: Learned }> {
  const config = await readConfig(join(folder, MODEL_FILES.config))
  const statistics = await readStatistics(join(folder, MODEL_FILES.statistics))
  const { [VOCABULARY_COUNTS]: counts, ...others } = statistics
  const vocabulary = counts && (await readVocabulary(join(folder, MODEL_FILES.vocabulary), counts))
  return { config, learned: { sizes: config.data.sizes, vocabulary, statistics: others } }
}

async function writeVocabulary(path: string, vocabulary: Vocabulary): Promise<void> {
  await writeAtomically(path, async (file) => {
    for (let start = 0; start < vocabulary.size; start += 65536) {
      await writeFully(file, Buffer.from(`${vocabulary.tokens.slice(start, start + 65536).join('\n')}\n`))
    }
  })
}

async function readVocabulary(path: string, counts: Float64Array): Promise<Vocabulary> {
  const tokens: string[] = []
  for await (const { lines } of readBlocks({ path, label: path }, { keepMark: true })) {
    for (const line of lines) tokens.push(line) // a block may have more lines than a call takes arguments
  }
  if (tokens.length !== counts.length) throw badFile(path, `${tokens.length} tokens, expected ${counts.length}`)
  try {
    return new Vocabulary(tokens, counts)
  } catch (error) {
    throw badFile(path, (error as Error).message)
  }
}

async function readStatistics(path: string): Promise<Record<string, Float64Array>> {
  const file = await SafetensorsFile.open(path)
  try {
    const statistics: Record<string, Float64Array> = {}
    for (const [name, { shape }] of file.tensors) statistics[name] = await file.read(name, 'F64', shape)
    return statistics
  } finally {
    await file.close()
  }
}
