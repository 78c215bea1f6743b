// A step on 1, 2 and 4 ranks, a thread each, under each MPI that is installed; and over a network of a limited rate, which is a
// network namespace of its own with tc (Linux, as root), to fit what docs/distributed.md extrapolates from:
//
//   T(P) = T(1) + exchanges * latency + bytes on the wire / rate

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { interleave } from '../interleave.mjs'
import { digits, markdownTable } from '../markdown.mjs'
import { runTrial } from '../process.mjs'
import { cores, quick } from '../settings.mjs'

const script = fileURLToPath(new URL('../trials/distributed.mjs', import.meta.url))
const base = {
  head: 'exact',
  numClasses: 1e5,
  hiddenSize: 300,
  examples: 128,
  share: 0.1,
  ...(quick ? { warmup: 10, steps: 30 } : { warmup: 30, steps: 120 }),
}
const RANKS = [1, 2, 4]
const CASES = [
  {},
  { numClasses: 1e7 },
  { head: 'softmax', ...(quick ? { warmup: 1, steps: 3 } : { warmup: 2, steps: 10 }) },
  { head: 'sampled' },
  { head: 'wta' },
  { head: 'lsh' },
]
const NAMESPACE = 'widehead-bench'

const LAUNCHERS = {
  openmpi: { program: 'mpirun.openmpi', args: ['--allow-run-as-root', '--oversubscribe'] },
  mpich: { program: 'mpirun.mpich', args: [] },
}
// Over TCP, although the ranks share a machine.
const TCP = ['--mca', 'btl', 'self,tcp', '--mca', 'btl_tcp_if_include', 'lo']

function works(program, ...args) {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function trial({ program, args }, ranks, settings, inside = []) {
  const [file, ...rest] = [
    ...inside,
    program,
    ...args,
    '-n',
    `${ranks}`,
    process.execPath,
    script,
    JSON.stringify(settings),
  ]
  return () => runTrial(file, rest, { WIDEHEAD_THREADS: '1' })[0]
}

function stepTimes(launchers) {
  const rows = []
  for (const own of CASES) {
    const settings = { ...base, ...own }
    const sides = launchers.flatMap(([name, launcher]) => RANKS.map((ranks) => ({ name, launcher, ranks })))
    const results = interleave(sides.map(({ launcher, ranks }) => trial(launcher, ranks, settings)))
    results.forEach((result, i) => {
      const { name } = sides[i]
      const alone = results[sides.findIndex((side) => side.name === name && side.ranks === 1)]
      rows.push({ mpi: name, ...result, ofOne: result.ms / alone.ms })
    })
  }
  console.log(`\nA step on several ranks (d = 300, m = 128 over all ranks, a thread a rank, ${cores} cores)\n`)
  console.log(
    markdownTable(
      rows.map((row) => ({
        head: row.head,
        MPI: row.mpi,
        P: row.ranks,
        D: row.numClasses.toLocaleString('en-US'),
        ms: digits(row.ms),
        quartiles: `${digits(row.low)}, ${digits(row.high)}`,
        'of P = 1': digits(row.ofOne),
        'KB sent a rank': digits(row.bytes / 1000),
        exchanges: digits(row.exchanges),
      })),
    ),
  )
  return rows
}

/** Runs `use` with a program prefix that puts a command into a namespace whose only network is a loopback of this rate. */
function withNetwork(rate, use) {
  const inside = ['ip', 'netns', 'exec', NAMESPACE]
  const run = (...args) => execFileSync(args[0], args.slice(1), { stdio: 'pipe' })
  run('ip', 'netns', 'add', NAMESPACE)
  try {
    run(...inside, 'ip', 'link', 'set', 'lo', 'up')
    if (rate) {
      run(
        ...inside,
        'tc',
        'qdisc',
        'add',
        'dev',
        'lo',
        'root',
        'tbf',
        'rate',
        `${rate}mbit`,
        'burst',
        '72kb',
        'latency',
        '100ms',
      )
    }
    return use(inside)
  } finally {
    run('ip', 'netns', 'del', NAMESPACE)
  }
}

const SHAPES = quick
  ? [{ hiddenSize: 300, examples: 128 }]
  : [
      { hiddenSize: 128, examples: 32 },
      { hiddenSize: 128, examples: 256 },
      { hiddenSize: 300, examples: 128 },
      { hiddenSize: 300, examples: 512 },
    ]

/** Two ranks over networks of these rates, in Mbit/s (0: as fast as TCP is here). */
function networks() {
  const rows = []
  for (const rate of [0, 10_000, 1000]) {
    withNetwork(rate, (inside) => {
      for (const shape of SHAPES) {
        const settings = { ...base, ...shape, steps: quick ? 30 : 60 }
        const launcher = { ...LAUNCHERS.openmpi, args: [...LAUNCHERS.openmpi.args, ...TCP] }
        const [one, two] = interleave([trial(launcher, 1, settings, inside), trial(launcher, 2, settings, inside)])
        // The loopback carries what both ranks send.
        rows.push({ rate, ...shape, one: one.ms, two: two.ms, wire: 2 * two.bytes, exchanges: two.exchanges })
      }
    })
  }
  return rows
}

/** Latency of an exchange and seconds a byte, by least squares over the relative errors of T(2) - T(1) at one rate. */
function fit(rows) {
  let [aa, ab, bb, ay, by] = [0, 0, 0, 0, 0]
  for (const { one, two, wire, exchanges } of rows) {
    const weight = 1 / two ** 2
    const y = two - one
    aa += weight * exchanges ** 2
    ab += weight * exchanges * wire
    bb += weight * wire ** 2
    ay += weight * exchanges * y
    by += weight * wire * y
  }
  const determinant = aa * bb - ab * ab
  if (rows.length < 2) return { latency: 0, perByte: (rows[0].two - rows[0].one) / rows[0].wire }
  return { latency: (ay * bb - by * ab) / determinant, perByte: (by * aa - ay * ab) / determinant }
}

function model(rows) {
  const fits = []
  for (const rate of new Set(rows.map((row) => row.rate))) {
    const own = rows.filter((row) => row.rate === rate)
    const { latency, perByte } = fit(own)
    fits.push({ rate, latencyMs: latency, gigabits: 8 / perByte / 1e6 })
    for (const row of own) row.predicted = row.one + row.exchanges * latency + row.wire * perByte
  }
  console.log('\nTwo ranks over TCP on a loopback of a limited rate (ms a step), and the model\n')
  console.log(
    markdownTable(
      rows.map((row) => ({
        'Mbit/s': row.rate || 'no limit',
        d: row.hiddenSize,
        m: row.examples,
        'P = 1': digits(row.one),
        'P = 2': digits(row.two),
        model: digits(row.predicted),
        'KB on the wire': digits(row.wire / 1000),
      })),
    ),
  )
  for (const { rate, latencyMs, gigabits } of fits) {
    console.log(`\n${rate || 'no limit'}: ${digits(1000 * latencyMs)} us an exchange, ${digits(gigabits)} Gbit/s`)
  }
  return { rows, fits }
}

export function distributed() {
  const launchers = Object.entries(LAUNCHERS).filter(([, { program }]) => works(program, '--version'))
  if (launchers.length === 0) {
    console.log('\nno MPI is installed (Debian: openmpi-bin, mpich): nothing is measured')
    return null
  }
  const steps = stepTimes(launchers)
  const limited = works('mpirun.openmpi', '--version') && works('tc', '-V') && works('ip', 'netns', 'add', NAMESPACE)
  if (!limited) {
    console.log('\nnetworks of a limited rate need Open MPI, ip and tc, and root: not measured')
    return { steps }
  }
  execFileSync('ip', ['netns', 'del', NAMESPACE])
  return { steps, networks: model(networks()) }
}
