// Makes softmax heads and trunks and forgets them, closes none, and prints how much memory that took. Needs --expose-gc.

import { setImmediate } from 'node:timers/promises'
import {
  HierarchicalSoftmaxHead,
  LshSampledSoftmaxHead,
  SampledSoftmaxHead,
  SoftmaxHead,
  Trunk,
  WtaSoftmaxHead,
} from '../../lib/index.js'

const MIB = 2 ** 20
const ROUNDS = 60
const collect = globalThis.gc as () => void
const [numClasses, hiddenSize] = [50_000, 40] // 8 MB a head
const [hidden, targets] = [new Float32Array(hiddenSize).fill(0.1), Int32Array.of(3)]
const rate = { learningRate: 0.1 }
const options = { numClasses, hiddenSize }
// Few tables, which are cheap to fill.
const tables = { rangePower: 8, rehashEvery: 1000 }

const MAKERS: Record<string, () => unknown> = {
  softmax: () => new SoftmaxHead(options).step(hidden, targets, rate),
  sampled: () => new SampledSoftmaxHead({ ...options, samples: 10, sampler: 'uniform' }).step(hidden, targets, rate),
  hierarchical: () =>
    new HierarchicalSoftmaxHead({ ...options, counts: new Float64Array(numClasses).fill(1) }).step(
      hidden,
      targets,
      rate,
    ),
  wta: () =>
    new WtaSoftmaxHead({ ...options, ...tables, permutations: 2, codesPerTable: 2 }).step(hidden, targets, rate),
  lsh: () => new LshSampledSoftmaxHead({ ...options, ...tables, tables: 1 }).step(hidden, targets, rate),
  trunk: () => trunk(),
}

function trunk(): unknown {
  const input = { indptr: Int32Array.of(0, 1), indices: Int32Array.of(7) }
  return new Trunk({ vocabularySize: numClasses, embeddingSize: hiddenSize }).forward(input)
}

async function growth(make: () => unknown): Promise<number> {
  for (let n = 0; n < 5; n++) make()
  collect()
  await setImmediate()
  const before = process.memoryUsage.rss()
  let most = 0
  for (let n = 0; n < ROUNDS; n++) {
    make()
    if (n % 10 !== 9) continue
    collect()
    await setImmediate() // finalizers run here
    most = Math.max(most, process.memoryUsage.rss() - before)
  }
  return most / MIB
}

const report: Record<string, number> = {}
for (const [name, make] of Object.entries(MAKERS)) report[name] = await growth(make)
process.stdout.write(JSON.stringify(report))
