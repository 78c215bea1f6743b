// `widehead export`: the embeddings of a model as a file that other programs read.

import { inputEmbeddings, outputEmbeddings } from '../export/embeddings.js'
import { EXPORTS, type ExportFormat, exportedFiles } from '../export/formats.js'
import { exists } from '../files/exists.js'
import type { Io } from './io.js'
import { loadModel } from './model.js'
import { usage } from './run.js'

export interface ExportOptions {
  model: string
  out: string
  format: ExportFormat
  embeddings: 'output' | 'input'
  overwrite?: boolean
}

export async function exportModel(
  { model, out, format, embeddings, overwrite }: ExportOptions,
  io: Io,
): Promise<number> {
  for (const path of exportedFiles(format, out)) {
    if (!overwrite && (await exists(path))) throw usage(`${path} is there already: pass --overwrite to replace it`)
  }
  const { network, task } = await loadModel({ model })
  try {
    const table = embeddings === 'input' ? inputEmbeddings(network.trunk, task) : outputEmbeddings(network.head, task)
    await EXPORTS[format](out, table)
    const left = table.biases && format !== 'safetensors' ? ', without the biases' : ''
    io.stderr.write(`${table.count} ${embeddings} embeddings of width ${table.width} in ${out}${left}\n`)
  } finally {
    network.close()
  }
  return 0
}
