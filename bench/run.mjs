// npm run bench: the exact step against the dense step, and the exact step over the number of classes. Sides are interleaved,
// each trial runs in a fresh process, medians are reported. Results go to bench/results/ as JSON.
//
//   npm run bench                 all tables
//   npm run bench -- step         one of them: step, scaling
//   WIDEHEAD_BENCH_QUICK=1        fewer repetitions

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { version } from '../dist/index.js'

const quick = Boolean(process.env.WIDEHEAD_BENCH_QUICK)
const rounds = quick ? 1 : 3

function trial(settings) {
  const script = fileURLToPath(new URL('step-trial.mjs', import.meta.url))
  return JSON.parse(execFileSync(process.execPath, [script, JSON.stringify(settings)], { encoding: 'utf8' }))
}

/** Runs all sides in turn, several times over; the best median of each side counts, since noise only adds. */
function interleave(sides) {
  const runs = sides.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, side] of sides.entries()) {
      runs[i].push(trial(side))
      process.stderr.write('.')
    }
  }
  process.stderr.write('\n')
  return runs.map((list) => {
    const best = list.reduce((a, b) => (b.ms < a.ms ? b : a))
    return { ...best, medians: list.map((run) => run.ms) }
  })
}

const shape = { hiddenSize: 300, examples: 128, share: 0.1, threads: 1 }

const tables = {
  step() {
    const results = []
    for (const numClasses of [1e4, 1e5, 1e6]) {
      const [exact, dense] = interleave([
        { ...shape, head: 'exact', numClasses, steps: quick ? 60 : 200 },
        { ...shape, head: 'dense', numClasses, steps: numClasses > 2e5 ? 4 : 8 },
      ])
      results.push({ numClasses, exact, dense, ratio: dense.ms / exact.ms })
    }
    console.log('\nOne step, d = 300, m = 128, squared error, 1 thread (medians)')
    console.table(
      results.map(({ numClasses, exact, dense, ratio }) => ({
        D: numClasses,
        'exact ms': +exact.ms.toFixed(2),
        'dense ms': +dense.ms.toFixed(1),
        'dense / exact': Math.round(ratio),
      })),
    )
    return results
  },
  scaling() {
    const results = interleave(
      [1e4, 1e5, 1e6, 1e7].map((numClasses) => ({ ...shape, head: 'exact', numClasses, steps: quick ? 100 : 400 })),
    )
    const least = Math.min(...results.map((result) => result.ms))
    console.log('\nThe exact step over the number of classes, Zipf targets')
    console.table(
      results.map((result) => ({
        D: result.numClasses,
        'ms (median)': +result.ms.toFixed(2),
        'p90 ms': +result.high.toFixed(2),
        'of the smallest': +(result.ms / least).toFixed(2),
      })),
    )
    return results
  },
}

const wanted = process.argv.slice(2).filter((name) => !name.startsWith('-'))
for (const name of wanted) {
  if (name in tables) continue
  console.error(`unknown table ${name}: choose from ${Object.keys(tables).join(', ')}`)
  process.exit(2)
}
const results = {}
for (const [name, run] of Object.entries(tables)) {
  if (wanted.length === 0 || wanted.includes(name)) results[name] = run()
}
let commit = 'unknown'
try {
  commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim()
} catch {
  // An installed package has no repository.
}
const date = new Date().toISOString()
const folder = fileURLToPath(new URL('results/', import.meta.url))
mkdirSync(folder, { recursive: true })
const file = `${folder}${date.slice(0, 19).replaceAll(':', '-')}.json`
const about = { date, commit, version, node: process.version, cpu: cpus()[0].model, cores: cpus().length }
writeFileSync(file, `${JSON.stringify({ ...about, ...results }, null, 2)}\n`)
console.log(`written to ${file}`)
