// What `widehead train` does when it is not told.
//
// Chosen on held-out parts of public data (encyclopedia text; 20,000 documents with 53,000 labels; 30,000 sets of 41,000
// items; 180,000 sessions over 43,000 items): a few runs of each format with its own loss on one seed; the rates of the other
// losses and heads come from a few short runs each and are no more than a start. A rate of the head is large because the loss is
// a mean over the batch and each class is a target in few of its examples.

import type { FormatName } from '../data/formats/format.js'
import type { LossName } from '../losses.js'
import type { Optimizer } from '../optimizer.js'
import type { Activation } from '../trunk-options.js'
import { type HeadName, headKind } from './heads.js'

/** How fast a run goes: what every run has, by default or by an option. */
export interface Pace {
  optimizer: 'sgd' | 'adagrad' | 'adam'
  learningRate: number
  headLearningRate: number
  /** Of heads that have one. */
  headOptimizer?: Optimizer['kind']
  schedule: 'constant' | 'linear'
  batch: number
  epochs: number
}

export interface RunDefaults extends Pace {
  /** Where neither a head nor a loss is asked for: what learned most in a short time (`npm run bench -- heads`). */
  head: HeadName
  /** Of the heads that take any loss of the spherical family. */
  loss: LossName
  /** Widths of the layers below the head; the last one is the head's hiddenSize. */
  hidden: number[]
  /** Width of one embedding; absent: the first of `hidden` is made by the embeddings themselves. */
  embedding?: number
  activation: Activation
  /** Parameters of weighted-squared-error. */
  negativeWeight: number
}

const BY_FORMAT: Readonly<Record<FormatName, RunDefaults>> = {
  text: {
    head: 'sampled',
    loss: 'taylor-softmax',
    hidden: [300],
    embedding: 100,
    activation: 'relu',
    optimizer: 'adam',
    learningRate: 0.001,
    headLearningRate: 200,
    schedule: 'linear',
    batch: 250,
    epochs: 2,
    negativeWeight: 0.02,
  },
  xmc: {
    head: 'sampled',
    loss: 'squared-error',
    hidden: [300],
    activation: 'linear',
    optimizer: 'adagrad',
    learningRate: 0.1,
    headLearningRate: 0.2,
    schedule: 'linear',
    batch: 100,
    epochs: 2,
    negativeWeight: 0.02,
  },
  sets: {
    head: 'exact',
    loss: 'weighted-squared-error',
    hidden: [128],
    activation: 'linear',
    optimizer: 'adagrad',
    learningRate: 0.1,
    headLearningRate: 10,
    schedule: 'linear',
    batch: 100,
    epochs: 15,
    negativeWeight: 0.02,
  },
  sequences: {
    head: 'sampled',
    loss: 'z-loss',
    hidden: [],
    embedding: 100,
    activation: 'linear',
    optimizer: 'adagrad',
    learningRate: 0.05,
    headLearningRate: 10,
    schedule: 'linear',
    batch: 200,
    epochs: 5,
    negativeWeight: 0.002,
  },
}

/** Where a loss wants other values than its format's. */
const BY_LOSS: Readonly<Partial<Record<FormatName, Partial<Record<LossName, Partial<RunDefaults>>>>>> = {
  text: {
    'squared-error': { headLearningRate: 0.3 },
    'weighted-squared-error': { headLearningRate: 1 },
    'spherical-softmax': { headLearningRate: 10 },
    'z-loss': { headLearningRate: 10 },
  },
  xmc: {
    'weighted-squared-error': { headLearningRate: 10, epochs: 5 },
    'spherical-softmax': { headLearningRate: 1 },
    'taylor-softmax': { headLearningRate: 100 },
    'z-loss': { headLearningRate: 1 },
  },
  sets: {
    'squared-error': { headLearningRate: 0.2 },
    'spherical-softmax': { headLearningRate: 1 },
    'taylor-softmax': { headLearningRate: 100 },
    'z-loss': { headLearningRate: 1 },
  },
  sequences: {
    'squared-error': { headLearningRate: 0.5 },
    'weighted-squared-error': { headLearningRate: 30 },
    'taylor-softmax': { optimizer: 'adam', learningRate: 0.001, headLearningRate: 200 },
  },
}

/** Of the heads with a loss of their own, whose rows have an optimiser that makes one rate do for rare and frequent classes. */
const OWN_LOSS: Partial<Pace> = { headOptimizer: 'adagrad', headLearningRate: 0.1 }

/** Where a format, or one of these heads on it, wants other values. */
const BY_HEAD: Readonly<Partial<Record<FormatName, Partial<Record<HeadName, Partial<Pace>>>>>> = {
  text: {
    bulk: { headOptimizer: 'sgd', headLearningRate: 20 },
    softmax: { headOptimizer: 'sgd', headLearningRate: 10 },
    sampled: { headOptimizer: 'sgd', headLearningRate: 10 },
    lsh: { headOptimizer: 'sgd', headLearningRate: 10 },
  },
  xmc: {
    bulk: { headLearningRate: 0.3 },
    softmax: { headLearningRate: 0.2 },
    sampled: { headLearningRate: 0.15 },
    wta: { headLearningRate: 0.07 },
    lsh: { headLearningRate: 0.07 },
  },
  sequences: { bulk: { headLearningRate: 0.2 } },
}

export function defaultHead(format: FormatName): HeadName {
  return BY_FORMAT[format].head
}

export function runDefaults(format: FormatName, head: HeadName, loss?: string): RunDefaults {
  const defaults = BY_FORMAT[format]
  if (headKind(head).loss) {
    return { ...defaults, ...OWN_LOSS, ...BY_HEAD[format]?.[head] }
  }
  const chosen = (loss ?? defaults.loss) as LossName
  return { ...defaults, ...BY_LOSS[format]?.[chosen], loss: chosen }
}
