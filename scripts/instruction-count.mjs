// npm run check:instructions: fails if a fixed small run of exact steps takes more instructions than it did. Times on a shared
// machine say little; instructions counted by callgrind are the same on every run. What they say holds for one compiler, so
// others are skipped.
//   npm run check:instructions -- --update     keeps today's counts as the ones to compare with
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const BAND = 0.03
const ISA = 'avx2' // the widest that valgrind knows
const CASES = ['narrow', 'wide', 'online']

const root = fileURLToPath(new URL('..', import.meta.url))
const kept = `${root}native/test/step_count.json`
const program = `${root}build-core/step_count`
const update = process.argv.includes('--update')

function skip(why) {
  console.log(`Instruction counts skipped: ${why}.`)
  process.exit(0)
}

function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  if (error) throw error
  return { status, stdout, stderr }
}

function build() {
  for (const args of [
    ['-S', '.', '-B', 'build-core'],
    ['--build', 'build-core', '--target', 'step_count', '--parallel'],
  ]) {
    const { status, stdout, stderr } = run('cmake', args)
    if (status !== 0) throw new Error(`cmake ${args.join(' ')} failed:\n${stdout}${stderr}`)
  }
}

/** The compiler that built the program, or undefined where the CPU lacks the instruction set. */
function compilerOf() {
  const { status, stdout, stderr } = run(program, ['online', ISA])
  if (status === 3) return undefined
  if (status !== 0) throw new Error(`step_count failed:\n${stderr}`)
  return stdout.trim()
}

function countInstructions(name) {
  const { status, stderr } = run('valgrind', [
    '--tool=callgrind',
    '--callgrind-out-file=/dev/null',
    '--toggle-collect=countedSteps',
    program,
    name,
    ISA,
  ])
  const collected = /Collected : (\d+)/.exec(stderr)
  if (status !== 0 || !collected) throw new Error(`valgrind failed:\n${stderr}`)
  return Number(collected[1])
}

/** One line about a case, and whether it is within the band. */
function compare(name, count, expected) {
  const change = count / expected - 1
  const line = `  ${name.padEnd(8)} ${count} instructions, ${expected} kept: ${change < 0 ? '' : '+'}${(100 * change).toFixed(1)} %`
  if (change > BAND) return { line: `${line}, more than the ${100 * BAND} % allowed`, within: false }
  return { line: change < -BAND ? `${line}: better, please keep it with --update` : line, within: true }
}

if (spawnSync('valgrind', ['--version']).error) skip('valgrind is not installed')
build()
const compiler = compilerOf()
if (!compiler) skip(`this CPU does not run ${ISA}`)
const setting = `${compiler}, ${ISA}`
const all = JSON.parse(readFileSync(kept, 'utf8'))
const expected = all[setting]
if (!expected && !update) skip(`none are kept for ${setting}, only for ${Object.keys(all).join('; ')}`)

const counts = Object.fromEntries(CASES.map((name) => [name, countInstructions(name)]))
if (update) {
  writeFileSync(kept, `${JSON.stringify({ ...all, [setting]: counts }, null, 2)}\n`)
  console.log(`Kept for ${setting}: ${JSON.stringify(counts)}`)
} else {
  const results = CASES.map((name) => compare(name, counts[name], expected[name]))
  console.log(`Exact steps, ${setting}:\n${results.map(({ line }) => line).join('\n')}`)
  if (!results.every(({ within }) => within)) {
    console.error('The step takes more instructions than it did. If that is meant (it may still be faster), run')
    console.error('  npm run check:instructions -- --update\nand say in the commit what they buy.')
    process.exitCode = 1
  }
}
