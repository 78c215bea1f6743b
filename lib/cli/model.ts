// A saved model, ready to be used.

import { join } from 'node:path'
import { readCheckpoint } from '../checkpoint/read.js'
import type { FormatName, Task } from '../data/formats/format.js'
import { FORMATS } from '../data/formats/index.js'
import type { NetworkConfig } from '../files/config.js'
import { loadSetup, MODEL_FILES } from '../files/model.js'
import { badFile } from '../files/safetensors.js'
import type { ExactHead } from '../heads/exact.js'
import type { HeadStorage } from '../heads/storage-options.js'
import { checkHeadOptions, HEAD_NAMES, type HeadName, headKind, headsWith } from './heads.js'
import { loadNetwork, type Network } from './network.js'
import type { Approximate } from './ranking.js'
import { usage } from './run.js'

export interface Model {
  network: Network
  task: Task
  format: FormatName
}

export interface ModelOptions {
  model: string
  threads?: number
  /** Rank by the head's own search, which it then must have. */
  approximate?: Approximate
}

export async function loadModel({ model: folder, threads, approximate }: ModelOptions): Promise<Model> {
  await import('../runtime.js') // refuses settings of the environment that cannot be honoured
  const { config, learned } = await loadSetup(folder)
  const task = FORMATS[config.data.format].task(learned, config.data.settings)
  const head = checkHead(join(folder, MODEL_FILES.config), config.network)
  if (approximate && !headKind(head).searches) {
    const searching = headsWith(({ searches }) => searches === true)
    throw usage(`--approximate is for models whose head is one of ${searching}; that of ${folder} is ${head}`)
  }
  if (threads) (await import('../index.js')).setThreads(threads)
  // Rows that are a file are only read: others may do so too, and what would be caught up with would all have to be in memory.
  const { options } = await readCheckpoint(join(folder, MODEL_FILES.checkpoints))
  const inFile = (options as { storage?: HeadStorage }).storage?.kind === 'file'
  const storage: HeadStorage | undefined = inFile ? { kind: 'memory' } : undefined
  const network = await loadNetwork(folder, config.network, { storage, weightsOnly: true })
  // Once for all questions that come: a search reads the rows of an exact head where they lie when none is behind.
  if ('catchUp' in network.head && !inFile) (network.head as ExactHead).catchUp()
  return { task, format: config.data.format, network }
}

/** What a configuration says of the head, which only those who know the heads can check. */
function checkHead(path: string, { head, headOptions, loss }: NetworkConfig): HeadName {
  const name = HEAD_NAMES.find((known) => known === head)
  if (!name) throw badFile(path, `network.head must be one of ${HEAD_NAMES.join(', ')}, got ${JSON.stringify(head)}`)
  checkHeadOptions(name, headOptions, (option, fault) => badFile(path, `network.headOptions.${option} ${fault}`))
  if ((loss === null) !== (headKind(name).loss !== undefined)) {
    throw badFile(
      path,
      `network.loss must be ${loss ? 'null, as the head has its own' : 'a loss'}, for the head ${head}`,
    )
  }
  return name
}
