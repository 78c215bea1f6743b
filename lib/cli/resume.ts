// `widehead train --resume`: what the run was, where it stopped, and whether this command line is still the same run.

import { join } from 'node:path'
import { readLatest } from '../checkpoint/folder.js'
import { readCheckpoint } from '../checkpoint/read.js'
import type { Learned } from '../data/formats/format.js'
import { type GivenColumns, ROLES } from '../data/tables/columns.js'
import { type ModelConfig, writeConfig } from '../files/config.js'
import { exists } from '../files/exists.js'
import { loadSetup, MODEL_FILES } from '../files/model.js'
import { badFile } from '../files/safetensors.js'
import type { DataSize, Position } from './checkpoints.js'
import { flagOf, usage } from './run.js'

export interface Resumption {
  config: ModelConfig
  learned: Learned
  /** The folder of the checkpoint. */
  path: string
  step: number
  position: Position
}

/** The run in this folder; undefined if there is none, or none that has come to its first checkpoint. */
export async function findRun(out: string): Promise<Resumption | undefined> {
  const checkpoints = join(out, MODEL_FILES.checkpoints)
  if (!(await exists(join(out, MODEL_FILES.config))) || (await readLatest(checkpoints)) === undefined) return undefined
  const setup = await loadSetup(out)
  const { path, step, facts } = await readCheckpoint(checkpoints)
  const position = facts.position as Position | undefined
  if (!Number.isSafeInteger(position?.epoch)) throw badFile(path, 'is no checkpoint of widehead train')
  return { ...setup, path, step, position: position as Position }
}

/** What another value of could make another run of the same command. */
const FREE = new Set(['epochs', 'maxSteps'])

/** Throws unless `config`, made from this command line, is the configuration of the run. */
export function checkSameRun({ config: before }: Resumption, config: ModelConfig, out: string): void {
  const compare = (was: object, is: object) => {
    for (const name of new Set([...Object.keys(was), ...Object.keys(is)])) {
      const [old, given] = [was, is].map((all) => JSON.stringify((all as Record<string, unknown>)[name]))
      if (old === given || FREE.has(name)) continue
      throw usage(
        `${flagOf(name)} is ${given ?? 'not given'}, but the run in ${out} has ${old ?? 'none'}: resume it with the options it was started with`,
      )
    }
  }
  compare({ format: before.data.format }, { format: config.data.format })
  compare(before.data.settings, config.data.settings)
  compare(before.network, config.network)
  compare(before.training, config.training)
}

/** Makes config.json say what runs now: --epochs and --max-steps may be others than they were. */
export async function recordResumption({ config }: Resumption, { training }: ModelConfig, out: string): Promise<void> {
  const now = { ...config, training }
  if (JSON.stringify(now) === JSON.stringify(config)) return
  await writeConfig(join(out, MODEL_FILES.config), now)
}

/** The data must be what they were, as far as their sizes tell, and read as they were. */
export function checkSameData({ position }: Resumption, sizes: readonly DataSize[], columns?: GivenColumns): void {
  const total = (list: readonly { bytes: number }[]) => list.map(({ bytes }) => bytes).join(', ')
  if (total(sizes) !== total(position.data)) {
    throw usage(
      `the training data are not those of the run: files of ${total(sizes)} bytes, but it was started with ${total(position.data)}`,
    )
  }
  const [given, old] = [columns, position.columns].map((roles) => columnsText(roles))
  if (given !== old) throw usage(`--columns is ${given}, but the run was started with ${old}`)
}

function columnsText(columns: GivenColumns = {}): string {
  const pairs = ROLES.filter((role) => columns[role] !== undefined).map((role) => `${role}=${columns[role]}`)
  return pairs.join(',') || 'not given'
}
