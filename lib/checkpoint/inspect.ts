// What a checkpoint holds: its files and tensors, and what can be told of a head without training it on.

import { join } from 'node:path'
import { exists } from '../files/exists.js'
import { type Drift, FactoredHead } from '../heads/exact.js'
import { loadHead } from '../heads/load.js'
import type { Head } from '../heads/types.js'
import { customLoss, LOSSES } from '../losses.js'
import { STATE_FILES } from './folder.js'
import { type StateFile, withCheckpoint, withFiles, withHead } from './load.js'
import type { LoadOptions } from './load-head.js'
import { type CheckpointInfo, readCheckpoint } from './read.js'
import { singularValues } from './spectrum.js'

export interface FileFacts {
  name: string
  bytes: number
  tensors: { name: string; dtype: string; shape: number[]; bytes: number }[]
}

export interface Range {
  smallest: number
  median: number
  largest: number
}

export interface CheckpointFacts extends CheckpointInfo {
  files: FileFacts[]
  /** Euclidean norms of the rows of W, of at most 100,000 of them, evenly chosen. */
  rowNorms: Range
  /** What the head says of itself. */
  diagnostics: Readonly<Record<string, number>>
  /** Singular values of U, of an exact head. */
  spectrum?: Range & { condition: number }
  /** Of an exact head, if asked for: O(D d^2). */
  drift?: Drift
}

const ROWS = 100_000

export async function inspectCheckpoint(folder: string, options: { drift?: boolean } = {}): Promise<CheckpointFacts> {
  const info = await readCheckpoint(folder)
  const { files, spectrum } = await withCheckpoint(info.path, async (path) => {
    const hasTrunk = await exists(join(path, STATE_FILES.trunk))
    return withHead(path, (small, rows) =>
      withFiles(path, hasTrunk ? ['head', 'trunk'] : ['head'], async (_, ...trunk) => ({
        files: [small, ...rows, ...trunk].map(fileFacts),
        spectrum: await spectrumOf(small),
      })),
    )
  })
  const head = await loadHead(info.path, toLookAt(info))
  try {
    const drift = options.drift && head instanceof FactoredHead ? head.drift() : undefined
    const facts = { rowNorms: rowNorms(head), diagnostics: head.diagnostics() }
    return { ...info, files, ...facts, ...(spectrum && { spectrum }), ...(drift && { drift }) }
  } finally {
    head.close()
  }
}

/** Nothing is trained here, so that the code of a custom loss is not needed, and rows that are a file are only read. */
function toLookAt({ options }: CheckpointInfo): LoadOptions {
  const { loss } = options as { loss?: { name: string } }
  const any = loss && !Object.hasOwn(LOSSES, loss.name) ? { loss: customLoss(() => {}, { name: loss.name }) } : {}
  return { ...any, storage: { kind: 'memory' } }
}

function fileFacts({ file }: StateFile): FileFacts {
  const tensors = [...file.tensors].map(([name, { dtype, shape, begin, end }]) => {
    return { name, dtype, shape, bytes: end - begin }
  })
  const name = file.path.split(/[/\\]/).at(-1) as string
  return { name, bytes: file.header.length + tensors.reduce((sum, { bytes }) => sum + bytes, 0), tensors }
}

async function spectrumOf(head: StateFile): Promise<(Range & { condition: number }) | undefined> {
  const shape = head.file.tensors.get('U.high')?.shape
  if (!shape) return undefined
  const bytes = await head.read('U.high')
  const values = singularValues(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4), shape[0])
  const range = rangeOf(values)
  return { ...range, condition: range.largest / range.smallest }
}

function rowNorms(head: Head): Range {
  const { numClasses, hiddenSize: d } = head
  const count = Math.min(numClasses, ROWS)
  const norms = new Float64Array(count)
  for (let from = 0; from < count; from += 4096) {
    const ids = Int32Array.from({ length: Math.min(4096, count - from) }, (_, i) =>
      Math.floor(((from + i) * numClasses) / count),
    )
    const rows = head.rows(ids)
    for (let i = 0; i < ids.length; i++) {
      let sum = 0
      for (let j = i * d; j < (i + 1) * d; j++) sum += rows[j] * rows[j]
      norms[from + i] = Math.sqrt(sum)
    }
  }
  return rangeOf(norms)
}

function rangeOf(values: Float64Array): Range {
  const sorted = Float64Array.from(values).sort()
  return { smallest: sorted[0], median: sorted[sorted.length >> 1], largest: sorted[sorted.length - 1] }
}
