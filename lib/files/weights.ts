// The weights of a model folder: trunk.safetensors and head.safetensors, streamed in blocks of rows, so that a table never
// has to be in memory twice. Both carry the step they were saved at: a pair torn by a crash between them is noticed.

import { join } from 'node:path'
import type { Head } from '../heads/types.js'
import type { Trunk } from '../trunk.js'
import { MODEL_FILES } from './model.js'
import { badFile } from './safetensors.js'
import { SafetensorsFile } from './safetensors-reader.js'
import { type TensorSource, tensor, writeSafetensors } from './safetensors-writer.js'

/** Numbers of a table held beside it (16 MiB). */
const BLOCK = 2 ** 22

export async function saveWeights(folder: string, trunk: Trunk, head: Head, step: number): Promise<void> {
  const metadata = { format: 'widehead', step: String(step) }
  await writeSafetensors(join(folder, MODEL_FILES.trunk), trunkTensors(trunk), metadata)
  await writeSafetensors(join(folder, MODEL_FILES.head), headTensors(head), metadata)
}

function trunkTensors(trunk: Trunk): TensorSource[] {
  return trunk.shapes().map(({ name, shape }) => {
    if (name !== 'embedding') return tensor(name, shape, trunk.parameters([name])[0].data)
    const pieces = () => blocks(shape[0], shape[1], (from, to) => trunk.rows(from, to))
    return { name, dtype: 'F32', shape, pieces }
  })
}

function headTensors(head: Head): TensorSource[] {
  const { numClasses, hiddenSize } = head
  const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i)
  const weight: TensorSource = {
    name: 'weight',
    dtype: 'F32',
    shape: [numClasses, hiddenSize],
    pieces: () => blocks(numClasses, hiddenSize, (from, to) => head.rows(range(from, to))),
  }
  if (!head.bias) return [weight]
  const pieces = () => blocks(numClasses, 1, (from, to) => head.biases(range(from, to)))
  return [weight, { name: 'bias', dtype: 'F32', shape: [numClasses], pieces }]
}

function* blocks(
  rows: number,
  width: number,
  read: (from: number, to: number) => Float32Array,
): Generator<Float32Array> {
  const size = Math.ceil(BLOCK / width)
  for (let from = 0; from < rows; from += size) yield read(from, Math.min(from + size, rows))
}

export interface HeadWeights {
  weights: Float32Array
  biases?: Float32Array
}

/** Fills the trunk, and returns the weights for a head of this size; both must be of these shapes. */
export async function loadWeights(
  folder: string,
  trunk: Trunk,
  head: { numClasses: number; hiddenSize: number; bias: boolean },
): Promise<HeadWeights> {
  const trunkStep = await withFile(join(folder, MODEL_FILES.trunk), async (file) => {
    await fillTrunk(file, trunk)
    return file.metadata.step
  })
  return withFile(join(folder, MODEL_FILES.head), async (file) => {
    const { step } = file.metadata
    if (step !== trunkStep) throw badFile(file.path, `saved at step ${step}, but the trunk at step ${trunkStep}`)
    const weights = await file.read('weight', 'F32', [head.numClasses, head.hiddenSize])
    return { weights, ...(head.bias && { biases: await file.read('bias', 'F32', [head.numClasses]) }) }
  })
}

async function withFile<T>(path: string, use: (file: SafetensorsFile) => Promise<T>): Promise<T> {
  const file = await SafetensorsFile.open(path)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

async function fillTrunk(file: SafetensorsFile, trunk: Trunk): Promise<void> {
  for (const { name, shape } of trunk.shapes()) {
    if (name !== 'embedding') trunk.setParameters([{ name, shape, data: await file.read(name, 'F32', shape) }])
    else {
      let row = 0
      for await (const piece of file.pieces(name, 'F32', shape, Math.ceil(BLOCK / shape[1]) * shape[1])) {
        trunk.setRows(row, piece)
        row += piece.length / shape[1]
      }
    }
  }
}
