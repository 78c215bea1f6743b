// Heads of every kind, a stream of minibatches for them, and their whole state as bytes.

import type { BaseHead } from '../../lib/heads/base.js'
import {
  BulkSoftmaxHead,
  DenseHead,
  ExactHead,
  type Head,
  HierarchicalSoftmaxHead,
  LshSampledSoftmaxHead,
  SampledSoftmaxHead,
  SoftmaxHead,
  taylorSoftmax,
  WtaSoftmaxHead,
  weightedSquaredError,
} from '../../lib/index.js'
import { range } from '../judge/compare.js'
import { type Batch, Stream } from '../judge/stream.js'

/** Whether a copy of the process writes checkpoints, so that synchronous steps may follow at once. */
export const copiesProcess = process.platform !== 'win32'

export const size = { numClasses: 500, hiddenSize: 12 }
const counts = Float64Array.from({ length: size.numClasses }, (_, i) => 1000 / (i + 1))
const init = { kind: 'normal', scale: 0.1 } as const
const common = { ...size, init, seed: 3 }

export interface Kind {
  name: string
  create: () => BaseHead
  load: (folder: string) => Promise<Head>
  learningRate: number
}

export const KINDS: Kind[] = [
  {
    name: 'exact, squared error at a high rate',
    create: () => new ExactHead({ ...common, bias: true, loss: weightedSquaredError({ negativeWeight: 0.5 }) }),
    load: (folder) => ExactHead.load(folder),
    learningRate: 0.04,
  },
  {
    name: 'exact, Taylor softmax',
    create: () => new ExactHead({ ...common, loss: taylorSoftmax(), policy: { lo: 0.6, lookEvery: 3 } }),
    load: (folder) => ExactHead.load(folder),
    learningRate: 2,
  },
  {
    name: 'dense',
    create: () => new DenseHead({ ...common, bias: true, loss: taylorSoftmax() }),
    load: (folder) => DenseHead.load(folder),
    learningRate: 0.5,
  },
  {
    name: 'bulk, counts gathered',
    create: () => new BulkSoftmaxHead({ ...common, bias: true, shortlist: 20, sampled: 40 }),
    load: (folder) => BulkSoftmaxHead.load(folder),
    learningRate: 0.5,
  },
  {
    name: 'bulk, counts given',
    create: () =>
      new BulkSoftmaxHead({ ...common, shortlist: 20, retrieved: 30, retrievedPerExample: 4, sampled: 10, counts }),
    load: (folder) => BulkSoftmaxHead.load(folder),
    learningRate: 0.5,
  },
  {
    name: 'bulk, adagrad',
    create: () =>
      new BulkSoftmaxHead({
        ...common,
        optimizer: { kind: 'adagrad' },
        retrieved: 30,
        sampled: 10,
        index: { tables: 8 },
      }),
    load: (folder) => BulkSoftmaxHead.load(folder),
    learningRate: 0.05,
  },
  {
    name: 'bulk, a list',
    create: () =>
      new BulkSoftmaxHead({ ...common, shortlist: Int32Array.of(7, 400, 0), sampled: 0, minibatchTargets: false }),
    load: (folder) => BulkSoftmaxHead.load(folder),
    learningRate: 0.5,
  },
  {
    name: 'softmax, adam',
    create: () => new SoftmaxHead({ ...common, bias: true, optimizer: { kind: 'adam' } }),
    load: (folder) => SoftmaxHead.load(folder),
    learningRate: 0.01,
  },
  {
    name: 'sampled, counts gathered, adagrad',
    create: () => new SampledSoftmaxHead({ ...common, samples: 40, optimizer: { kind: 'adagrad' } }),
    load: (folder) => SampledSoftmaxHead.load(folder),
    learningRate: 0.1,
  },
  {
    name: 'sampled, counts given',
    create: () => new SampledSoftmaxHead({ ...common, samples: 40, counts, power: 0.5 }),
    load: (folder) => SampledSoftmaxHead.load(folder),
    learningRate: 0.1,
  },
  {
    name: 'sampled, uniform',
    create: () => new SampledSoftmaxHead({ ...common, samples: 40, sampler: 'uniform' }),
    load: (folder) => SampledSoftmaxHead.load(folder),
    learningRate: 0.1,
  },
  {
    name: 'hierarchical, counts given, adam',
    create: () => new HierarchicalSoftmaxHead({ ...common, bias: true, counts, optimizer: { kind: 'adam' } }),
    load: (folder) => HierarchicalSoftmaxHead.load(folder),
    learningRate: 0.01,
  },
  {
    name: 'wta',
    create: () => new WtaSoftmaxHead({ ...common, candidates: 20, unionLimit: 60, rehashEvery: 7 }),
    load: (folder) => WtaSoftmaxHead.load(folder),
    learningRate: 0.1,
  },
  {
    name: 'lsh, augmented, correction',
    create: () =>
      new LshSampledSoftmaxHead({ ...common, samples: 40, augment: true, correction: true, rehashEvery: 5 }),
    load: (folder) => LshSampledSoftmaxHead.load(folder),
    learningRate: 0.1,
  },
  {
    name: "lsh, an example's own candidates",
    create: () => new LshSampledSoftmaxHead({ ...common, samples: 20, perExample: true, query: 'label', bias: true }),
    load: (folder) => LshSampledSoftmaxHead.load(folder),
    learningRate: 0.1,
  },
]

export function minibatches(count: number, seed = 5): Batch[] {
  const stream = new Stream({ ...size, batchSize: 16, seed, targets: 'weights' })
  return Array.from({ length: count }, () => stream.next())
}

export interface Course {
  losses: number[]
  weights: Buffer
  diagnostics: Record<string, number>
}

/** Trains on, and tells everything that a difference of state would show in. */
export function course(head: Head, batches: Batch[], learningRate: number): Course {
  const losses = batches.map(
    ({ hidden, targets }) => head.step(hidden, targets, { learningRate, weightDecay: 0.001 }).loss,
  )
  const all = range(0, head.numClasses)
  const weights = Buffer.concat([Buffer.from(head.rows(all).buffer), Buffer.from(head.biases(all).buffer)])
  const { bytes: _, tableBytes: __, ...diagnostics } = head.diagnostics()
  return { losses, weights, diagnostics }
}
