// The heads of --head. A new one is an entry of HEADS: what help says of it, which options are its own, how it is made.

import type { Setting, SettingValue } from '../data/formats/format.js'
import { settingFault } from '../data/formats/settings.js'
import type { BulkIndexOptions, BulkSoftmaxOptions } from '../heads/bulk-softmax.js'
import type { LshSampledSoftmaxOptions } from '../heads/lsh-softmax.js'
import type { Sampler } from '../heads/sampled-softmax.js'
import type { HeadStorage } from '../heads/storage-options.js'
import type { CommonOptions, Head, RowHeadOptions } from '../heads/types.js'
import type { Loss } from '../losses.js'
import { OPTIMIZER_KINDS, type Optimizer } from '../optimizer.js'

/** An option of a head: the field of that name of its options in code, a flag of `widehead train`. */
export interface HeadOption extends Omit<Setting, 'default'> {
  /** What help says of the default, which may depend on the number of classes; the head knows it. */
  default?: string
}

export type HeadOptionValues = Readonly<Record<string, SettingValue>>

/** What a head is made from. */
export interface HeadSetup {
  common: CommonOptions
  /** Of heads that take any loss of the spherical family. */
  loss?: Loss
  /** Of the exact head. */
  storage?: HeadStorage
  /** Of heads that hold rows of weights. */
  optimizer?: Optimizer['kind']
  options: HeadOptionValues
  /** How often each class occurs in the training data. */
  counts: Float64Array
}

interface HeadKind {
  /** For help: what is exact, what is approximate, and what a step costs. */
  summary: string
  /** The name of its own loss, if it takes no other. Such heads hold rows of weights, which have an optimiser. */
  loss?: 'softmax' | 'hierarchical-softmax' | 'bulk-softmax'
  /** The optimisers that those may have, if not all. */
  optimizers?: readonly Optimizer['kind'][]
  /** Whether topK has a search that looks at some classes only. */
  searches?: boolean
  /** Whether several ranks can hold it together. */
  distributed?: boolean
  options: readonly HeadOption[]
  create(setup: HeadSetup): Promise<Head>
}

// Loaded when needed, so that help and mistakes of the command line need no addon.
const heads = () => import('../index.js')

/** The options of a head with rows of weights; those of its own are checked by its constructor. */
function rowOptions({ common, optimizer: kind, options }: HeadSetup): RowHeadOptions {
  return { ...common, ...options, ...(kind && { optimizer: { kind } }) }
}

const count = (name: string, description: string, value: string): HeadOption => ({
  name,
  description,
  kind: 'integer',
  minimum: 1,
  maximum: 0x7fffffff,
  default: value,
})
const choice = (name: string, description: string, choices: readonly string[], value: string): HeadOption => ({
  name,
  description,
  kind: 'choice',
  choices,
  default: value,
})
const share = (name: string, description: string, value: string): HeadOption => ({
  name,
  description,
  kind: 'number',
  minimum: 0,
  maximum: 1,
  default: value,
})
const flag = (name: string, description: string): HeadOption => ({ name, description, kind: 'flag' })

// Names and defaults that two heads share are one option, which help describes once.
const SAMPLES = count('samples', 'classes drawn for a minibatch (lsh: from the buckets)', '1024')
const WINDOW = {
  ...count('window', 'coordinates that a hash compares, a power of two (lsh: of dwta)', '8'),
  maximum: 256,
}
const SAMPLERS: readonly Sampler[] = ['uniform', 'log-uniform', 'unigram']
const LSH_HASHES: readonly NonNullable<LshSampledSoftmaxOptions['hash']>[] = ['simhash', 'dwta']
const BUCKETFUL = 'as many as leave some 16 classes in a bucket'

const RECENCY: readonly HeadOption[] = [
  count('rehashEvery', 'steps after which changed rows are hashed again', '64; bulk: 256'),
  count('bucketLimit', 'classes looked at in one bucket', '512'),
]
const TABLES: readonly HeadOption[] = [
  { ...count('tables', 'hash tables', '32'), maximum: 4096 },
  { ...count('hashesPerTable', 'hashes that make the key of a table', BUCKETFUL), maximum: 64 },
]
const AUGMENT = flag('augment', 'simhash: hash for inner products, rows being filled up to one length')
const HASHING: readonly HeadOption[] = [
  { ...count('rangePower', 'buckets of a table, as a power of two', '16'), maximum: 24 },
  ...RECENCY,
  flag('perExample', "each example sees its own candidates alone, not all of the minibatch's"),
]

export const HEADS = {
  exact: {
    summary:
      'loss, gradient and update of all D classes exactly, for the losses of the spherical family, by SGD. ' +
      'O(d^2) an example, whatever D is.',
    distributed: true,
    options: [],
    create: async ({ common, loss, storage }) =>
      new (await heads()).ExactHead({ ...common, loss: loss as Loss, storage }),
  },
  dense: {
    summary: 'the same numbers as exact by forming all outputs, to compare with. O(D d) an example.',
    options: [],
    create: async ({ common, loss }) => new (await heads()).DenseHead({ ...common, loss: loss as Loss }),
  },
  bulk: {
    summary:
      'the softmax over the true classes of a minibatch and a shortlist of frequent ones, all others counting as a ' +
      'Gaussian of their mean and variance: near the full one, with exact gradients. O(d^2 + d classes) an example, ' +
      'whatever D is.',
    loss: 'bulk-softmax',
    optimizers: ['sgd', 'adagrad'],
    options: [
      { ...count('shortlist', 'frequent classes that are computed one by one', '128'), minimum: 0 },
      { ...count('retrieved', 'classes found for a minibatch in hash tables', '0'), minimum: 0 },
      { ...count('retrievedPerExample', 'classes found for an example, which it alone sees', '0'), minimum: 0 },
      ...TABLES,
      ...RECENCY,
      AUGMENT,
      { ...count('sampled', 'classes drawn for a minibatch, to stand for a part of the others', '2048'), minimum: 0 },
      share('sampledShare', 'the part that they stand for; the rest is a Gaussian', '0.9'),
      {
        ...share(
          'bulkRate',
          'by Adagrad, how many times its rate for the mean root of the sums the rows of the bulk learn at',
          '1',
        ),
        minimum: 1e-6,
        maximum: 1e6,
      },
      share(
        'ratePower',
        'by SGD, how much slower frequent classes of the shortlist learn: counts to this power',
        '0.5',
      ),
    ],
    create: async (setup) => {
      const { tables, hashesPerTable, rehashEvery, bucketLimit, augment, ...options } = setup.options
      const index = { tables, hashesPerTable, rehashEvery, bucketLimit, augment } as BulkIndexOptions
      const own = rowOptions({ ...setup, options }) as BulkSoftmaxOptions
      return new (await heads()).BulkSoftmaxHead({ ...own, index, counts: setup.counts })
    },
  },
  softmax: {
    summary: 'the full softmax with cross-entropy, exactly. O(D d) an example.',
    loss: 'softmax',
    distributed: true,
    options: [],
    create: async (setup) => new (await heads()).SoftmaxHead(rowOptions(setup)),
  },
  sampled: {
    summary:
      'the softmax over the true classes and S drawn at random, corrected for the draw: an estimate of the full one ' +
      'whose bias falls like 1/S. O(S d) an example.',
    loss: 'softmax',
    distributed: true,
    options: [
      SAMPLES,
      choice(
        'sampler',
        'draws all alike, by the ids of classes sorted by frequency, or by frequency',
        SAMPLERS,
        'unigram',
      ),
      share('power', 'of the frequencies of unigram', '0.75'),
    ],
    create: async (setup) => {
      const unigram = (setup.options.sampler ?? 'unigram') === 'unigram'
      return new (await heads()).SampledSoftmaxHead({ ...rowOptions(setup), ...(unigram && { counts: setup.counts }) })
    },
  },
  hierarchical: {
    summary:
      'a product of yes-or-no decisions down a Huffman tree over the frequencies of the classes: the exact likelihood ' +
      'of a model that is not the softmax. O(depth d) an example, the depth some log2 D.',
    loss: 'hierarchical-softmax',
    options: [],
    create: async (setup) =>
      new (await heads()).HierarchicalSoftmaxHead({ ...rowOptions(setup), counts: setup.counts }),
  },
  wta: {
    summary:
      'the softmax over the true classes and those that share most winner-take-all hashes with the hidden vector, as if ' +
      'there were no others: approximate. O(candidates d) an example.',
    loss: 'softmax',
    distributed: true,
    searches: true,
    options: [
      { ...count('permutations', 'winner-take-all hashes of a row', '32 tables of them'), maximum: 65536 },
      WINDOW,
      { ...count('codesPerTable', 'hashes that make the key of a table', BUCKETFUL), maximum: 64 },
      count('candidates', 'classes kept for an example beside its true ones', '64'),
      count('unionLimit', 'classes retrieved for a minibatch, which its examples share', '1024'),
      ...HASHING,
    ],
    create: async (setup) => new (await heads()).WtaSoftmaxHead(rowOptions(setup)),
  },
  lsh: {
    summary:
      'the softmax over the true classes and negatives from hash tables over the rows of W: approximate, with ' +
      '--correction a consistent estimate of the full one. O(samples d) an example.',
    loss: 'softmax',
    distributed: true,
    searches: true,
    options: [
      SAMPLES,
      choice('hash', 'signs of random projections, or densified winner-take-all codes', LSH_HASHES, 'simhash'),
      choice('query', "looks up the hidden vector, or a true class's row", ['embedding', 'label'], 'embedding'),
      flag('correction', 'draw half of the negatives uniformly, and correct for the draw'),
      ...TABLES,
      WINDOW,
      AUGMENT,
      ...HASHING,
    ],
    create: async (setup) => new (await heads()).LshSampledSoftmaxHead(rowOptions(setup)),
  },
} satisfies Readonly<Record<string, HeadKind>>

export type HeadName = keyof typeof HEADS
export const HEAD_NAMES = Object.keys(HEADS) as HeadName[]

export function headKind(name: HeadName): HeadKind {
  return HEADS[name]
}

/** What --head-optimizer may be for heads of this kind: nothing for those without one. */
export function optimizersOf({ loss, optimizers }: HeadKind): readonly Optimizer['kind'][] {
  return optimizers ?? (loss ? OPTIMIZER_KINDS : [])
}

/** The names of the losses that are some heads' own: softmaxes of a kind, probabilities going as exp(logit). */
export const OWN_LOSSES = [...new Set(HEAD_NAMES.flatMap((name) => headKind(name).loss ?? []))]

export function isOwnLoss(name: string): boolean {
  return OWN_LOSSES.some((own) => own === name)
}

/** The heads for which `has` holds, as help and errors name them. */
export function headsWith(has: (kind: HeadKind) => boolean): string {
  return HEAD_NAMES.filter((name) => has(HEADS[name])).join(', ')
}

/** Every option of a head, once. */
export const HEAD_OPTIONS: readonly HeadOption[] = [
  ...new Map(HEAD_NAMES.flatMap((name) => headKind(name).options).map((option) => [option.name, option])).values(),
]

/** The heads that have an option of this name. */
export function ownersOf(name: string): string {
  return headsWith(({ options }) => options.some((option) => option.name === name))
}

/** `refuse` is called with an option that is not one of the head's, or that cannot be. */
export function checkHeadOptions(
  head: HeadName,
  given: Readonly<Record<string, unknown>>,
  refuse: (name: string, fault: string) => Error,
): HeadOptionValues {
  for (const [name, value] of Object.entries(given)) {
    const option = headKind(head).options.find((own) => own.name === name)
    const owners = ownersOf(name)
    if (!option) throw refuse(name, `is no option of the head ${head}${owners && `, but of ${owners}`}`)
    const fault = settingFault(option, value)
    if (fault) throw refuse(name, `${fault}, got ${JSON.stringify(value)}`)
  }
  return given as HeadOptionValues
}
