// The C++ side of the benches: builds widehead_bench on demand and finds the strongest OpenBLAS there is to compare with.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runTrial } from './process.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const directory = `${root}build-bench`

function attempt(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  if (error) throw new Error(`${command}: ${error.message}`)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`.trim())
}

function build() {
  const hasNinja = !existsSync(directory) && spawnSync('ninja', ['--version']).status === 0
  process.stderr.write('building widehead_bench\n')
  attempt('cmake', ['-S', '.', '-B', directory, '-DCMAKE_BUILD_TYPE=Release', ...(hasNinja ? ['-G', 'Ninja'] : [])])
  attempt('cmake', ['--build', directory, '--target', 'widehead_bench', '--parallel', '--config', 'Release'])
  const places = [`${directory}/widehead_bench`, `${directory}/Release/widehead_bench.exe`]
  return places.find(existsSync) ?? places[0]
}

let executable
/** The path of widehead_bench, or null (and why, once) if it cannot be built here. */
function findExecutable() {
  if (executable === undefined) {
    try {
      executable = build()
    } catch (error) {
      executable = null
      console.log(`\nNo C++ side (it needs CMake and a C++17 compiler); tables run without it. ${error.message}`)
    }
  }
  return executable
}

/** Runs a table of widehead_bench; null if there is none. */
export function runNative(table, options = {}, env = {}) {
  const file = findExecutable()
  if (file === null) return null
  return runTrial(file, [table, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`])], env)
}

// OpenBLAS looks its kernels up by the CPU's model and takes those of a Prescott for one it does not know, at a fifth of
// the speed. These are the cores it has for our instruction sets.
const CORES = { avx512: 'SkylakeX', avx2: 'Haswell' }
const baselines = new Map()

/**
 * The OpenBLAS to compare with under an instruction set of ours: { env, openblas, core, ownChoice, rates }. With the best
 * instruction set the faster of its own choice of kernels and ours; with a forced one the kernels for that one. `openblas`
 * is null where there is none.
 */
export function findBaseline(isa, forced) {
  if (!baselines.has(isa)) baselines.set(isa, measureBaseline(isa, forced))
  return baselines.get(isa)
}

function measureBaseline(isa, forced) {
  const isaEnv = { WIDEHEAD_ISA: isa }
  const own = runNative('about', {}, isaEnv)?.[0]
  if (!own?.openblas) return { env: isaEnv, openblas: null, core: null, built: own !== undefined }
  const asked = process.env.OPENBLAS_CORETYPE
  const cores = asked ? [asked] : [...new Set([forced ? undefined : own.core, CORES[isa]])].filter(Boolean)
  if (cores.length === 0) cores.push(own.core)
  const candidates = cores.map((core) => {
    const env = { ...isaEnv, OPENBLAS_CORETYPE: core }
    const [about] = runNative('about', {}, env)
    const [{ flops, openblas }] = runNative('sgemm', { d: 1024, samples: 5 }, env)
    return { env, openblas: about.openblas, core: about.core, gflops: (flops / openblas.median) * 1e-9 }
  })
  const best = candidates.reduce((a, b) => (b.gflops > a.gflops ? b : a))
  const rates = candidates.map(({ core, gflops }) => ({ core, gflops: Math.round(gflops) }))
  return { ...best, ownChoice: own.core, rates }
}

/** In words, for the head of a table. */
export function describeBaseline({ openblas, core, ownChoice, built }) {
  if (built === false) return 'widehead_bench could not be built: this side is missing'
  if (openblas === null) return 'no OpenBLAS found (Debian: libopenblas0): this side is missing'
  const version = openblas.split(' ').slice(0, 2).join(' ')
  return `${version}, ${core} kernels${ownChoice === core ? '' : ` (its own choice for this CPU: ${ownChoice})`}`
}
