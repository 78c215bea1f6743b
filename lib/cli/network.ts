// A network: the trunk, which makes a hidden vector of each example's inputs, and the head on top of it.

import type { NetworkConfig } from '../files/config.js'
import { loadWeights } from '../files/weights.js'
import type { Head } from '../heads/types.js'
import { createLoss } from '../losses.js'
import type { Trunk, TrunkOptions } from '../trunk.js'
import { createHead } from './heads.js'

export interface Network {
  trunk: Trunk
  head: Head
  close(): void
}

export interface NetworkTraining {
  optimizer?: TrunkOptions['optimizer']
  clipNorm?: number
  seed?: number
}

async function createTrunk(config: NetworkConfig, training: NetworkTraining = {}): Promise<Trunk> {
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

function headOptions({ numClasses, hiddenSize, bias, loss }: NetworkConfig) {
  return { numClasses, hiddenSize, bias, loss: createLoss(loss.name, loss.parameters) }
}

export async function createNetwork(config: NetworkConfig, training: NetworkTraining): Promise<Network> {
  const trunk = await createTrunk(config, training)
  return network(trunk, await createHead(config.head, { ...headOptions(config), seed: training.seed }))
}

export async function loadNetwork(folder: string, config: NetworkConfig): Promise<Network> {
  const trunk = await createTrunk(config)
  const init = { kind: 'weights', ...(await loadWeights(folder, trunk, config)) } as const
  return network(trunk, await createHead(config.head, { ...headOptions(config), init }))
}
