// What all tables share: how long to measure, and with how many threads.

import { availableParallelism } from 'node:os'

/** WIDEHEAD_BENCH_QUICK=1: all tables in some four minutes, with fewer shapes and samples. */
export const quick = Boolean(process.env.WIDEHEAD_BENCH_QUICK)
export const rounds = quick ? 1 : 3
export const cores = availableParallelism()
/** One thread, and all of them; or the number that WIDEHEAD_THREADS asks for. */
export const threadCounts = process.env.WIDEHEAD_THREADS
  ? [Number(process.env.WIDEHEAD_THREADS)]
  : [...new Set([1, cores])]
/** Names of data sets, of the tables that go through some; their results are then a part of a table, and no file. */
const only = process.env.WIDEHEAD_BENCH_ONLY?.split(',')
export const isPart = only !== undefined
export const isWanted = (name) => only?.includes(name.split(',')[0]) ?? true
/** The shape of the paper's table. */
export const paper = { numClasses: 793_471, hiddenSize: 300, examples: 128 }
