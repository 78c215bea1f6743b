// What each of several ranks does of a minibatch that all of them have: its share of the examples.

import type { Batch } from '../data/batch.js'
import type { EvaluateOptions, Evaluation, Head, SparseTargets, Targets, TopK, TopKOptions } from '../heads/types.js'
import type { BagInput } from '../trunk.js'
import type { Communicator } from './communicator.js'

/** The first of this rank's examples among `size`, and the first of the next rank's. */
function rangeOf({ rank, size: ranks }: Communicator, size: number): [number, number] {
  return [Math.floor((size * rank) / ranks), Math.floor((size * (rank + 1)) / ranks)]
}

/** This rank's examples, of which there may be none. */
export function shareOf(communicator: Communicator, batch: Batch): Pick<Batch, 'input' | 'targets'> {
  const [from, to] = rangeOf(communicator, batch.size)
  return { input: sliceBags(batch, from, to), targets: sliceTargets(batch.targets, from, to) }
}

/** A head that is asked the same on all ranks: each does its share, and all get the whole answer. */
export class WholeHead {
  readonly numClasses
  readonly hiddenSize
  readonly loss

  constructor(
    private readonly head: Head,
    private readonly communicator: Communicator,
  ) {
    this.numClasses = head.numClasses
    this.hiddenSize = head.hiddenSize
    this.loss = head.loss
  }

  async evaluateAsync(hidden: Float32Array, targets: Targets, options?: EvaluateOptions): Promise<Evaluation> {
    const [from, to] = rangeOf(this.communicator, hidden.length / this.hiddenSize)
    const { loss, losses } = await this.head.evaluateAsync(
      this.rows(hidden, from, to),
      sliceTargets(targets, from, to),
      options,
    )
    return { loss, losses: concatenated(await this.communicator.allGather(losses)) }
  }

  async topKAsync(hidden: Float32Array, k: number, options?: TopKOptions): Promise<TopK> {
    const [from, to] = rangeOf(this.communicator, hidden.length / this.hiddenSize)
    const { classes, logits } = await this.head.topKAsync(this.rows(hidden, from, to), k, options)
    const { communicator } = this
    return {
      classes: concatenated(await communicator.allGather(classes)),
      logits: concatenated(await communicator.allGather(logits)),
    }
  }

  private rows(hidden: Float32Array, from: number, to: number): Float32Array {
    return hidden.subarray(from * this.hiddenSize, to * this.hiddenSize)
  }
}

function concatenated<T extends Float32Array | Float64Array | Int32Array>(parts: readonly T[]): T {
  const ArrayType = parts[0].constructor as new (length: number) => T
  const all = new ArrayType(parts.reduce((sum, { length }) => sum + length, 0))
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  return all
}

/** Offsets `from` to `to` of rows, and what lies between the first and the last. */
function sliceOffsets(indptr: Int32Array | Uint32Array, from: number, to: number) {
  const [begin, end] = [indptr[from], indptr[to]]
  return { indptr: indptr.slice(from, to + 1).map((offset) => offset - begin), begin, end }
}

function sliceBags({ input, size }: Batch, from: number, to: number): BagInput {
  const slots = (input.indptr.length - 1) / size
  const { indptr, begin, end } = sliceOffsets(input.indptr, from * slots, to * slots)
  const { indices, values } = input
  return { indptr, indices: indices.slice(begin, end), ...(values && { values: values.slice(begin, end) }) }
}

function sliceTargets(targets: Targets, from: number, to: number): Targets {
  if (ArrayBuffer.isView(targets)) return targets.slice(from, to)
  const { indptr: offsets, indices, values } = targets as SparseTargets
  const { indptr, begin, end } = sliceOffsets(offsets, from, to)
  return { indptr, indices: indices.slice(begin, end), ...(values && { values: values.slice(begin, end) }) }
}
