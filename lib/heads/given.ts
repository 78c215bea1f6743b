// The options that a caller gave, copied before the first is looked at: what is checked, what the head is made of and what a
// checkpoint keeps of it are the same then, whatever kind of object they came in.

import { checkObject } from '../check.js'
import { fieldsOf } from '../fields.js'
import { copyOptimizer } from '../optimizer.js'
import type { BulkIndexOptions, BulkSoftmaxOptions } from './bulk-softmax.js'
import type { ExactHeadOptions, FactoredOptions } from './exact.js'
import type { HashedHeadOptions } from './hashing.js'
import type { HierarchicalSoftmaxOptions } from './hierarchical-softmax.js'
import type { LshSampledSoftmaxOptions } from './lsh-softmax.js'
import type { SampledSoftmaxOptions } from './sampled-softmax.js'
import { copyPolicy } from './stabilisation.js'
import type { CommonOptions, HeadOptions, RowHeadOptions } from './types.js'
import type { WtaSoftmaxOptions } from './wta-softmax.js'

/** `true`: as it is; else a copy of the object that it is. */
type Rule = true | ((value: object) => object)

/** The compiler sees to it that none is missing. All heads know `loss`: those with one of their own refuse it. */
type Rules<T> = Record<keyof T | 'loss', Rule>

const COMMON: Rules<CommonOptions> = {
  numClasses: true,
  hiddenSize: true,
  bias: true,
  init: true,
  seed: true,
  distributed: true,
  loss: true,
}
const ROWS: Rules<RowHeadOptions> = { ...COMMON, optimizer: copyOptimizer }
const FACTORED: Rules<FactoredOptions> = { ...COMMON, policy: copyPolicy }
const HASHED: Rules<HashedHeadOptions> = {
  ...ROWS,
  rangePower: true,
  rehashEvery: true,
  bucketLimit: true,
  perExample: true,
}
const INDEX: readonly (keyof BulkIndexOptions)[] = ['tables', 'hashesPerTable', 'rehashEvery', 'bucketLimit', 'augment']

const exact: Rules<ExactHeadOptions> = { ...FACTORED, storage: true }
const dense: Rules<HeadOptions> = COMMON
const bulk: Rules<BulkSoftmaxOptions> = {
  ...FACTORED,
  shortlist: true,
  counts: true,
  minibatchTargets: true,
  retrieved: true,
  retrievedPerExample: true,
  index: (index) => fieldsOf<BulkIndexOptions>(index, INDEX),
  sampled: true,
  sampledShare: true,
  ratePower: true,
  optimizer: copyOptimizer,
  bulkRate: true,
}
const sampled: Rules<SampledSoftmaxOptions> = { ...ROWS, samples: true, sampler: true, power: true, counts: true }
const hierarchical: Rules<HierarchicalSoftmaxOptions> = { ...ROWS, counts: true }
const wta: Rules<WtaSoftmaxOptions> = {
  ...HASHED,
  permutations: true,
  window: true,
  codesPerTable: true,
  candidates: true,
  unionLimit: true,
}
const lsh: Rules<LshSampledSoftmaxOptions> = {
  ...HASHED,
  hash: true,
  hashesPerTable: true,
  tables: true,
  window: true,
  augment: true,
  query: true,
  samples: true,
  correction: true,
}

const RULES = { exact, dense, bulk, softmax: ROWS, sampled, hierarchical, wta, lsh }

export type Kind = keyof typeof RULES

/** The options that heads of this kind have, and nothing else; each is read once, own or inherited. */
export function copyOptions<T extends object>(kind: Kind, options: T): T {
  checkObject('options', options)
  const rules: Readonly<Record<string, Rule>> = RULES[kind]
  const given = fieldsOf<Record<string, unknown>>(options as Record<string, unknown>, Object.keys(rules))
  for (const [name, value] of Object.entries(given)) {
    const rule = rules[name]
    if (rule !== true && typeof value === 'object' && value !== null) given[name] = rule(value)
  }
  return given as T
}
