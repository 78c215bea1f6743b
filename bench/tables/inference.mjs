// Finding the best classes: the exact topK beside the memory's bandwidth and sgemm, and an index beside it.

import { isa, supportedIsas } from '../../dist/index.js'
import { interleave } from '../interleave.mjs'
import { digits, markdownTable, percent } from '../markdown.mjs'
import { findBaseline, runNative } from '../native.mjs'
import { runScript } from '../process.mjs'
import { quick, threadCounts } from '../settings.mjs'
import { median } from '../statistics.mjs'

const numClasses = quick ? 200_000 : 1_000_000
const k = 10

/** GB/s at which a table of this size is read, and GFLOP/s of sgemm 2048^3: the better of ours and OpenBLAS's. */
function yardstick(hiddenSize, examples, threads) {
  if (examples === 1) {
    const [line] = runNative('read', { threads, classes: numClasses, d: hiddenSize, samples: 5 }) ?? [{}]
    return Math.max(line.smallPages, line.largePages)
  }
  const { env } = findBaseline(isa(), isa() !== supportedIsas()[0])
  const [line] = runNative('sgemm', { threads, samples: 3 }, env) ?? [{}]
  const rates = [line.ours, line.openblas].filter(Boolean).map((side) => (line.flops / side.median) * 1e-9)
  return Math.max(...rates)
}

function measure(head, hiddenSize, examples, threads) {
  const steps = examples === 1 ? 15 : 5
  const shares = []
  const [result] = interleave([
    () => {
      const limit = yardstick(hiddenSize, examples, threads)
      const trial = { head, numClasses, hiddenSize, examples, threads, steps, k }
      const one = runScript('inference', trial)
      const work = numClasses * hiddenSize * (examples === 1 ? 4 : 2 * examples)
      const rate = (work / one.ms) * 1e-6
      shares.push(rate / limit)
      return { ...one, rate, limit }
    },
  ])
  return { ...result, share: median(shares), shares }
}

function exactTable() {
  const rows = []
  for (const head of ['softmax', 'exact']) {
    for (const hiddenSize of quick ? [128] : [128, 300]) {
      for (const examples of [1, 128]) {
        for (const threads of threadCounts) rows.push(measure(head, hiddenSize, examples, threads))
      }
    }
  }
  console.log(
    `\nThe exact topK, D = ${digits(numClasses)}, k = ${k}, ${isa()}: one query beside reading as many bytes,`,
  )
  console.log('128 queries beside sgemm 2048^3, measured before each trial\n')
  console.log(
    markdownTable(
      rows.map(({ head, hiddenSize, examples, threads, ms, rate, limit, share }) => ({
        head,
        d: hiddenSize,
        queries: examples,
        threads,
        ms: digits(ms),
        rate: `${digits(rate)} ${examples === 1 ? 'GB/s' : 'GFLOP/s'}`,
        'measured limit': digits(limit),
        share: percent(share),
      })),
    ),
  )
  return rows
}

function lineOf(rows, threads, exact, index) {
  return {
    rows,
    threads,
    'default found by': index.sampled ? 'hidden vectors' : 'rows with noise',
    'made in, s': digits(index.seconds),
    MiB: digits(index.bytes / 2 ** 20),
    'lists read': `${index.probes} of ${index.lists}`,
    'recall@10': digits(index.recall),
    'one query, ms (exact)': `${digits(index.single)} (${digits(exact.single)})`,
    'times as fast': digits(exact.single / index.single),
    'of 128, ms each (exact)': `${digits(index.each)} (${digits(exact.each)})`,
    'times as fast each': digits(exact.each / index.each),
  }
}

function indexTable() {
  const searches = [{ sampled: false }, { sampled: true }]
  const shape = { numClasses, hiddenSize: 128, examples: 3 * numClasses, queries: 512, k, together: 128 }
  const trials = ['trained', 'clustered', 'gaussian'].map((rows) =>
    runScript('search-index', { ...shape, rows, threads: threadCounts, searches }),
  )
  console.log(`\nAn index with its defaults, D = ${digits(numClasses)}, d = 128, recall@10 asked for 0.95\n`)
  console.log(
    markdownTable(
      trials.flatMap(({ rows, results }) =>
        results.flatMap(({ threads, exact, indexes }) => indexes.map((index) => lineOf(rows, threads, exact, index))),
      ),
    ),
  )
  return trials
}

export function inference() {
  return { exact: exactTable(), index: indexTable() }
}
