// The network that a run trains: a new one, or that of the checkpoint it goes on from.

import { rmdir } from 'node:fs/promises'
import type { Communicator } from '../distributed/communicator.js'
import type { NetworkConfig } from '../files/config.js'
import { checkModelFolder, makeFolder, type Replaces } from '../files/model.js'
import type { HeadStorage } from '../heads/storage-options.js'
import { createNetwork, loadNetwork, type Network } from './network.js'
import { checkRowFilePlace, replacedRows } from './row-files.js'
import { storageOf, type TrainingConfig, type TrainOptions } from './run.js'
import type { TrainingData } from './train.js'

/** What a run that begins anew may replace. What --resume finds without a checkpoint is a run that came to nothing. */
export function replacedBy({ overwrite, resume }: TrainOptions): Replaces {
  return overwrite ? 'anything' : resume ? 'unfinished' : 'nothing'
}

/** `distributed`: of several ranks that hold it together. */
export async function openNetwork(
  { options, task, resumption }: TrainingData,
  network: NetworkConfig,
  training: TrainingConfig,
  distributed: Communicator | undefined,
): Promise<Network> {
  const { out, storageFile } = options
  const given = storageOf(options)
  if (resumption) return loadNetwork(out, network, { storage: given, distributed })
  const { optimizer: kind, headOptimizer, clipNorm, seed } = training
  const common = { optimizer: { kind }, headOptimizer, clipNorm, seed, distributed }
  const create = (storage?: HeadStorage) => createNetwork(network, task.classCounts, { ...common, storage })
  if (storageFile === undefined) return create()
  const replaces = replacedBy(options)
  checkRowFilePlace(out, storageFile)
  await checkModelFolder(out, replaces) // before rows are made, or lost
  const storage = replaces === 'nothing' ? given : await replacedRows(out, storageFile, options.durability)
  const isNew = await makeFolder(out) // the file may be to lie in it
  try {
    return await create(storage)
  } catch (error) {
    if (isNew) await rmdir(out).catch(() => {})
    throw error
  }
}
