// What sets and sequences share: one vocabulary of items is both what goes in and what is predicted.

import type { Vocabulary } from '../vocabulary.js'
import type { Learned } from './format.js'

export abstract class ItemTask<Settings> {
  readonly perplexity = false
  readonly numInputs: number
  readonly numClasses: number
  readonly classCounts: Float64Array
  readonly trainExamples: number
  protected readonly vocabulary: Vocabulary

  constructor(
    learned: Learned,
    protected readonly settings: Settings,
  ) {
    this.vocabulary = learned.vocabulary as Vocabulary
    this.numInputs = this.numClasses = this.vocabulary.size
    this.classCounts = this.vocabulary.counts
    this.trainExamples = learned.sizes.examples
  }

  className(id: number): string {
    return this.vocabulary.tokens[id]
  }

  inputName(id: number): string {
    return this.vocabulary.tokens[id]
  }
}
