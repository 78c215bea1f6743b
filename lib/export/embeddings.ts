// The embeddings of a model as rows in order, a block at a time, each with its name.

import type { Task } from '../data/formats/format.js'
import { WideheadError } from '../errors.js'
import type { Head } from '../heads/types.js'
import type { Trunk } from '../trunk.js'

/** Numbers of a table held beside it (16 MiB). */
const BLOCK = 2 ** 22

export interface Embeddings {
  count: number
  width: number
  name(row: number): string
  /** Rows in order, row-major, some at a time. */
  blocks(): Iterable<Float32Array>
  /** One a row, of a head with biases. */
  biases?: () => Float32Array
}

/** The rows of W: those of the classes. */
export function outputEmbeddings(head: Head, task: Pick<Task, 'className'>): Embeddings {
  if (head.loss.name === 'hierarchical-softmax') {
    throw new WideheadError('WIDEHEAD_USAGE', 'the rows of a hierarchical head are those of nodes, not of classes')
  }
  const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i)
  const { numClasses: count, hiddenSize: width } = head
  return {
    count,
    width,
    name: (row) => String(task.className(row)),
    blocks: () => blocks(count, width, (from, to) => head.rows(range(from, to))),
    ...(head.bias && { biases: () => head.biases(range(0, count)) }),
  }
}

/** The rows of the embedding table below the head. */
export function inputEmbeddings(trunk: Trunk, task: Pick<Task, 'inputName'>): Embeddings {
  const { vocabularySize: count, options } = trunk
  return {
    count,
    width: options.embeddingSize,
    name: (row) => String(task.inputName(row)),
    blocks: () => blocks(count, options.embeddingSize, (from, to) => trunk.rows(from, to)),
  }
}

function* blocks(
  count: number,
  width: number,
  read: (from: number, to: number) => Float32Array,
): Iterable<Float32Array> {
  const size = Math.ceil(BLOCK / width)
  for (let from = 0; from < count; from += size) yield read(from, Math.min(from + size, count))
}
