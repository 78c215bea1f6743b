// The dense layers below a head, with all that is around their products, beside the bare products on OpenBLAS.

import { isa, supportedIsas } from '../../dist/index.js'
import { digits, markdownTable } from '../markdown.mjs'
import { describeBaseline, findBaseline, runNative } from '../native.mjs'
import { paper, quick, rounds, threadCounts } from '../settings.mjs'
import { groupBy, median } from '../statistics.mjs'

/** With more than one thread each side has a process of its own, as in the table of the kernels. */
function layers(options, env) {
  const run = (more) => runNative('trunk', { ...options, ...more }, env) ?? []
  if (options.threads === 1) return run({})
  const theirs = new Map(run({ alone: 'openblas' }).map((line) => [`${line.part} ${line.activation}`, line.openblas]))
  return run({ alone: 'ours' }).map((line) => ({
    ...line,
    openblas: theirs.get(`${line.part} ${line.activation}`) ?? null,
  }))
}

export function trunk() {
  const baseline = findBaseline(isa(), isa() !== supportedIsas()[0])
  const shape = { d: paper.hiddenSize, m: paper.examples, samples: quick ? 5 : 15, millis: quick ? 1 : 3 }
  const lines = []
  for (let round = 0; round < rounds; round++) {
    for (const threads of threadCounts) lines.push(...layers({ ...shape, threads }, baseline.env))
  }
  if (lines.length === 0) {
    console.log('\ntrunk: nothing to show without the C++ side')
    return null
  }
  const rows = groupBy(lines, ({ part, activation, threads }) => [part, activation, threads].join()).map((group) => {
    const time = (side) => median(group.map((line) => line[side].median))
    const [{ threads, activation, part, flops }] = group
    const row = { threads, activation, part, flops, ours: time('ours') }
    if (!group[0].openblas) return row
    const ratios = group.map((line) => line.openblas.median / line.ours.median)
    return { ...row, openblas: time('openblas'), ratio: median(ratios), ratios }
  })
  console.log(
    `\nA dense layer of ${shape.d} x ${shape.d}, m = ${shape.m}, ${isa()}: ours with bias, activation and Adagrad,`,
  )
  console.log(`OpenBLAS the products alone (${describeBaseline(baseline)})\n`)
  console.log(
    markdownTable(
      rows.map((row) => ({
        threads: row.threads,
        activation: row.activation,
        part: row.part,
        'ours, microseconds': digits(row.ours * 1e6),
        'OpenBLAS, microseconds': digits(row.openblas * 1e6),
        "of OpenBLAS's rate": digits(row.ratio),
      })),
    ),
  )
  return { baseline, rows }
}
