// A network: the trunk, which makes a hidden vector of each example's inputs, and the head on top of it.

import { join } from 'node:path'
import { readCheckpoint } from '../checkpoint/read.js'
import type { Communicator } from '../distributed/communicator.js'
import type { NetworkConfig } from '../files/config.js'
import { MODEL_FILES } from '../files/model.js'
import { badFile } from '../files/safetensors.js'
import type { HeadStorage } from '../heads/storage-options.js'
import type { Head } from '../heads/types.js'
import { createLoss } from '../losses.js'
import type { Optimizer } from '../optimizer.js'
import type { Trunk, TrunkOptions } from '../trunk.js'
import { type HeadName, headKind } from './heads.js'
import { usage } from './run.js'

export interface Network {
  trunk: Trunk
  head: Head
  close(): void
}

export interface NetworkTraining {
  optimizer?: TrunkOptions['optimizer']
  headOptimizer?: Optimizer['kind']
  clipNorm?: number
  seed?: number
  /** Of several ranks that hold the network together. */
  distributed?: Communicator
  storage?: HeadStorage
}

async function createTrunk(
  config: NetworkConfig,
  { headOptimizer: _, storage: __, ...training }: NetworkTraining,
): Promise<Trunk> {
  const { Trunk } = await import('../trunk.js')
  return new Trunk({
    vocabularySize: config.numInputs,
    embeddingSize: config.embedding,
    slots: config.slots,
    combine: config.combine,
    layers: config.layers,
    ...training,
  })
}

function network(trunk: Trunk, head: Head): Network {
  const close = () => {
    trunk.close()
    head.close()
  }
  return { trunk, head, close }
}

function createHead(config: NetworkConfig, counts: Float64Array, training: NetworkTraining): Promise<Head> {
  const { numClasses, hiddenSize, bias, loss, headOptions: options } = config
  const { seed, headOptimizer: optimizer, storage, distributed } = training
  return headKind(config.head as HeadName).create({
    common: { numClasses, hiddenSize, bias, seed, distributed },
    ...(loss && { loss: createLoss(loss.name, loss.parameters) }),
    storage,
    optimizer,
    options,
    counts,
  })
}

/** Options that only the head can check, with the number of classes at hand, are refused in the user's terms. */
function refusal(as: (fault: string) => Error): (error: unknown) => never {
  return (error) => {
    const { code, message } = error as { code?: unknown; message: string }
    throw code === 'WIDEHEAD_OUT_OF_RANGE' ? as(message) : error
  }
}

/** `counts`: how often each class occurs in the training data. */
export async function createNetwork(
  config: NetworkConfig,
  counts: Float64Array,
  training: NetworkTraining,
): Promise<Network> {
  const trunk = await createTrunk(config, training)
  const head = createHead(config, counts, training)
  try {
    return network(trunk, await head.catch(refusal((fault) => usage(`--head ${config.head}: ${fault}`))))
  } catch (error) {
    trunk.close()
    throw error
  }
}

/**
 * The network of the newest checkpoint of a model folder, as it was; `options` say otherwise of where its rows are. `weightsOnly`: what
 * an optimiser keeps beside the weights is left out, for a network that is not to be trained.
 */
export async function loadNetwork(
  folder: string,
  config: NetworkConfig,
  options: { storage?: HeadStorage; distributed?: Communicator; weightsOnly?: boolean } = {},
): Promise<Network> {
  const [{ Trunk }, { loadHead }] = await Promise.all([import('../trunk.js'), import('../heads/load.js')])
  const checkpoints = join(folder, MODEL_FILES.checkpoints)
  const { path } = await readCheckpoint(checkpoints) // of both: a run may save the next one meanwhile
  const trunk = await Trunk.load(path, options)
  let head: Head | undefined
  try {
    head = await loadHead(path, options, config.head)
    checkFits(path, config, { trunk, head })
    return network(trunk, head)
  } catch (error) {
    trunk.close()
    head?.close()
    throw error
  }
}

/** Both could be whole, and not belong together: files were copied by hand. */
function checkFits(path: string, config: NetworkConfig, { trunk, head }: Pick<Network, 'trunk' | 'head'>): void {
  const expected = [config.numInputs, config.hiddenSize, config.hiddenSize, config.numClasses]
  const found = [trunk.vocabularySize, trunk.hiddenSize, head.hiddenSize, head.numClasses]
  if (`${found}` === `${expected}`) return
  throw badFile(path, `inputs, widths and classes are ${found.join(', ')}, config.json says ${expected.join(', ')}`)
}
