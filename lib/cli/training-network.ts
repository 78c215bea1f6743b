// The network that a run trains: a new one, or that of the checkpoint it goes on from.

import { join } from 'node:path'
import type { Communicator } from '../distributed/communicator.js'
import type { NetworkConfig } from '../files/config.js'
import { exists } from '../files/exists.js'
import { checkModelFolder, MODEL_FILES } from '../files/model.js'
import { removeRowFile } from '../heads/storage.js'
import { createNetwork, loadNetwork, type Network } from './network.js'
import { storageOf, type TrainingConfig } from './run.js'
import type { TrainingData } from './train.js'

/** `distributed`: of several ranks that hold it together. */
export async function openNetwork(
  { options, task, resumption }: TrainingData,
  network: NetworkConfig,
  training: TrainingConfig,
  distributed: Communicator | undefined,
): Promise<Network> {
  const storage = storageOf(options)
  if (resumption) return loadNetwork(options.out, network, { storage, distributed })
  const replaces = (options.overwrite || options.resume) ?? false
  if (options.storageFile !== undefined) {
    await checkModelFolder(options.out, replaces) // before rows are made, or lost
    if (replaces) await removeRowFile(options.storageFile, await exists(join(options.out, MODEL_FILES.config)))
  }
  const { optimizer: kind, headOptimizer, clipNorm, seed } = training
  return createNetwork(network, task.classCounts, {
    optimizer: { kind },
    headOptimizer,
    clipNorm,
    seed,
    storage,
    distributed,
  })
}
