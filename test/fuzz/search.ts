// The search: mutants of inputs that did something new are kept if they do something new themselves.

import { Random } from '../../lib/data/random.js'
import { Coverage } from './coverage.js'
import { mutate } from './mutate.js'
import type { Target } from './target.js'

/** Inputs longer than this are tried, but not kept for others to see. */
const LONGEST_KEPT = 2048

interface Found {
  input: Buffer
  features: string[]
}

export interface SearchOptions {
  seconds: number
  seed: number
  corpus: readonly Buffer[]
  folder: string
  /** Called before each input, so that one which never ends is known. */
  before(input: Buffer): void
}

export interface SearchResult {
  executions: number
  features: number
  corpus: Buffer[]
}

export async function search(target: Target, options: SearchOptions): Promise<SearchResult> {
  const random = new Random(options.seed)
  const coverage = new Coverage()
  const seen = new Set<string>()
  const found: Found[] = []
  let executions = 0

  async function attempt(input: Buffer): Promise<void> {
    executions++
    options.before(input)
    coverage.take()
    await target.check(input, options.folder)
    const features = coverage.take()
    const known = seen.size
    for (const feature of features) seen.add(feature)
    if (seen.size > known && input.length <= LONGEST_KEPT) found.push({ input, features })
  }

  const seeds = target.seeds.map((seed) => Buffer.from(seed, 'latin1'))
  for (const input of [Buffer.alloc(0), ...seeds, ...options.corpus]) await attempt(input)
  const begin = process.cpuUsage()
  while (secondsSince(begin) < options.seconds) {
    // The newest half of the time: what was found last has been mutated least.
    const newest = random.below(2) ? Math.min(found.length, 16) : found.length
    const { input } = found[found.length - 1 - random.below(newest)]
    const pool = { dictionary: target.dictionary, inputs: found.map((one) => one.input) }
    await attempt(mutate(input, random, pool))
  }
  coverage.stop()
  return { executions, features: seen.size, corpus: fewest(found) }
}

/** Of computing: a clock would go on while the process is stopped. */
function secondsSince(begin: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / 1e6
}

/** A small set of inputs that has all branches of all of them: shortest first, each that adds one. Loop counts do not matter. */
function fewest(found: readonly Found[]): Buffer[] {
  const kept: Buffer[] = []
  const seen = new Set<string>()
  const branch = (feature: string) => feature.replace(/:[1-9]/g, ':1')
  for (const { input, features } of [...found].sort((a, b) => a.input.length - b.input.length)) {
    const known = seen.size
    for (const feature of features) seen.add(branch(feature))
    if (seen.size > known) kept.push(input)
  }
  return kept
}
