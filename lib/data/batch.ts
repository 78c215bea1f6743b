// A minibatch in the making: bags of inputs, targets, and what evaluation needs to know beside them.

import type { Targets } from '../heads/types.js'
import type { BagInput } from '../trunk.js'
import { Floats, Ints } from './growing.js'

/** Compressed sparse rows of ids. */
export interface Rows {
  indptr: Int32Array
  indices: Int32Array
}

export interface Batch {
  size: number
  input: BagInput
  /** What the head is given: an array of one class an example where each has one, otherwise rows. */
  targets: Targets
  /** The same targets, always as rows. */
  truth: Rows
  /** Targets of each example that the model has no class for: misses in every metric. */
  missing: Int32Array
  /** Classes that must not be ranked, of each example. */
  excluded: Rows
}

/** Filled in the order: item()* endBag() for each slot, target()*, exclude()*, endExample(). */
export class BatchBuilder {
  size = 0
  private bags = new Ints()
  private items = new Ints()
  private values = new Floats()
  private weighted = false
  private targetEnds = new Ints()
  private targets = new Ints()
  private missing = new Ints()
  private missingHere = 0
  private excludedEnds = new Ints()
  private excluded = new Ints()

  constructor() {
    this.reset()
  }

  /** One input id of the current bag. */
  item(id: number, value = 1): void {
    this.items.push(id)
    this.values.push(value)
    if (value !== 1) this.weighted = true
  }

  endBag(): void {
    this.bags.push(this.items.length)
  }

  target(id: number): void {
    this.targets.push(id)
  }

  /** Targets that have no class. */
  missed(count: number): void {
    this.missingHere += count
  }

  exclude(id: number): void {
    this.excluded.push(id)
  }

  endExample(): void {
    this.targetEnds.push(this.targets.length)
    this.excludedEnds.push(this.excluded.length)
    this.missing.push(this.missingHere)
    this.missingHere = 0
    this.size++
  }

  /** What was collected; the builder starts again from nothing. */
  finish(): Batch {
    const truth = { indptr: this.targetEnds.toArray(), indices: this.targets.toArray() }
    const batch: Batch = {
      size: this.size,
      input: {
        indptr: this.bags.toArray(),
        indices: this.items.toArray(),
        ...(this.weighted && { values: this.values.toArray() }),
      },
      targets: oneEach(truth) ? truth.indices : truth,
      truth,
      missing: this.missing.toArray(),
      excluded: { indptr: this.excludedEnds.toArray(), indices: this.excluded.toArray() },
    }
    this.reset()
    return batch
  }

  private reset(): void {
    for (const list of [this.bags, this.items, this.targetEnds, this.targets, this.missing]) list.length = 0
    for (const list of [this.excludedEnds, this.excluded, this.values]) list.length = 0
    for (const list of [this.bags, this.targetEnds, this.excludedEnds]) list.push(0)
    this.weighted = false
    this.size = 0
  }
}

function oneEach({ indptr }: Rows): boolean {
  for (let i = 0; i < indptr.length; i++) if (indptr[i] !== i) return false
  return true
}
