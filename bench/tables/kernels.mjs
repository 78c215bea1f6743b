// The products of the exact step, ours beside OpenBLAS's, and both beside what the FMA units can do.

import { supportedIsas } from '../../dist/index.js'
import { digits, markdownTable, percent } from '../markdown.mjs'
import { describeBaseline, findBaseline, runNative } from '../native.mjs'
import { quick, rounds, threadCounts } from '../settings.mjs'
import { geometricMean, groupBy, median } from '../statistics.mjs'

const shapes = quick ? { d: '128,300,1024', m: 128, samples: 5, millis: 1 } : { samples: 9, millis: 2 }
const LARGE = 64e6 // flops: a third of a millisecond at 200 GFLOP/s

/** The instruction sets to measure: the best one, and AVX2 where that is not the best. */
function isas() {
  const [best, ...others] = supportedIsas()
  return process.env.WIDEHEAD_ISA ? [process.env.WIDEHEAD_ISA] : [best, ...others.filter((isa) => isa === 'avx2')]
}

/** With one thread the sides take turns in one process; with more each has its own, because their threads get in each other's way. */
function products(threads, env) {
  const run = (options) => runNative('kernels', { threads, ...shapes, ...options }, env) ?? []
  if (threads === 1) return run({})
  const theirs = run({ alone: 'openblas' })
  return run({ alone: 'ours' }).map((line, i) => ({ ...line, openblas: theirs[i].openblas }))
}

function measure(isa) {
  const baseline = findBaseline(isa, isa !== supportedIsas()[0])
  const lines = []
  for (let round = 0; round < rounds; round++) {
    for (const threads of threadCounts) {
      const run = (table, options) => lines.push(...(runNative(table, { threads, ...options }, baseline.env) ?? []))
      run('peak', {})
      run('sgemm', { samples: quick ? 3 : 7 })
      lines.push(...products(threads, baseline.env))
      run('peak', {})
    }
  }
  return { isa, baseline, lines }
}

/** One row from the rounds of a shape. The ratio is taken inside each round. */
function combine(lines, peak) {
  const [{ isa, threads, product, role, rows, cols, depth, d, m, n, flops }] = lines
  const rate = (side) => (flops / median(lines.map((line) => line[side].median))) * 1e-9
  const ours = rate('ours')
  // Of the peak at that very time where it took its turn, else of the run's best.
  const ofPeak = lines[0].peak
    ? median(lines.map((line) => flops / line.ours.median / (line.peakFlops / line.peak.median)))
    : ours / peak
  const result = { isa, threads, product: product ?? 'sgemm', role, d, m, flops, ours, ofPeak }
  result.shape = product ? `${rows} x ${cols} x ${depth}` : `${n} x ${n} x ${n}`
  if (!lines[0].openblas) return result
  const ratios = lines.map((line) => line.openblas.median / line.ours.median)
  return {
    ...result,
    openblas: rate('openblas'),
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
  }
}

function analyse({ lines }) {
  return groupBy(lines, (line) => line.threads).flatMap((ofThreads) => {
    const peaks = ofThreads.filter((line) => line.table === 'peak')
    // Other work on the machine only takes away: the best is the peak.
    const best = (name) => Math.max(...peaks.map((line) => line[name] ?? 0))
    const peak = { registers: best('registers'), memory: best('memory') }
    const products = ofThreads.filter((line) => line.table !== 'peak')
    const key = ({ table, product, rows, cols, depth }) => [table, product, rows, cols, depth].join()
    return {
      threads: ofThreads[0].threads,
      peak,
      rows: groupBy(products, key).map((group) => combine(group, peak.registers)),
    }
  })
}

function printRows(rows) {
  console.log(
    markdownTable(
      rows.map((row) => ({
        product: row.product,
        shape: row.shape,
        'in the step': row.role ?? '',
        ours: digits(row.ours),
        OpenBLAS: digits(row.openblas),
        'ours / OpenBLAS': digits(row.ratio),
        'lowest, highest': row.ratio ? `${digits(row.low)}, ${digits(row.high)}` : '',
        'of peak': percent(row.ofPeak),
      })),
    ),
  )
}

/** One line an instruction set and number of threads: what the target asks for. */
function digest({ isa, results }) {
  return results.map(({ threads, peak, rows }) => {
    const compared = rows.filter((row) => row.ratio !== undefined)
    const large = rows.filter((row) => row.flops >= LARGE)
    const [lowest] = [...compared].sort((a, b) => a.ratio - b.ratio)
    return {
      'instruction set': isa,
      threads,
      'FMA peak': digits(peak.registers),
      'sgemm 2048: ours': digits(rows[0].ours),
      OpenBLAS: digits(rows[0].openblas),
      'ratio, mean of shapes': compared.length ? digits(geometricMean(compared.map((row) => row.ratio))) : '',
      'shapes at 1.0 or above': compared.length
        ? `${compared.filter((row) => row.ratio >= 1).length} of ${compared.length}`
        : '',
      lowest: lowest ? `${digits(lowest.ratio)} (${lowest.product} ${lowest.shape})` : '',
      'large ones, of peak': large.length ? `${percent(Math.min(...large.map((row) => row.ofPeak)))} and up` : '',
    }
  })
}

export function kernels() {
  const measured = isas().map((isa) => measure(isa))
  const all = measured.map(({ isa, baseline, lines }) => ({ isa, baseline, results: analyse({ lines }) }))
  if (all.every(({ results }) => results.length === 0)) {
    console.log('\nkernels: nothing to show without the C++ side')
    return null
  }
  for (const { isa, baseline, results } of all) {
    for (const { threads, peak, rows } of results) {
      console.log(`\n${isa}, threads: ${threads}. GFLOP/s; baseline: ${describeBaseline(baseline)}`)
      console.log(`FMA peak ${digits(peak.registers)} in registers, ${digits(peak.memory)} with an operand in L1\n`)
      printRows(rows)
    }
  }
  console.log('\nThe kernels in short\n')
  console.log(markdownTable(all.flatMap(digest)))
  return all
}
