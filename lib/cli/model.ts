// A saved model, ready to be used.

import type { Task } from '../data/formats/format.js'
import { FORMATS } from '../data/formats/index.js'
import { loadSetup } from '../files/model.js'
import { loadNetwork, type Network } from './network.js'

export interface Model {
  network: Network
  task: Task
}

export async function loadModel(folder: string, threads?: number): Promise<Model> {
  const { config, learned } = await loadSetup(folder)
  const task = FORMATS[config.data.format].task(learned, config.data.settings)
  if (threads) (await import('../index.js')).setThreads(threads)
  return { task, network: await loadNetwork(folder, config.network) }
}
