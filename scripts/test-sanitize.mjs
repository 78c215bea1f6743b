// Runs the C++ tests under sanitizers: addresses and undefined behaviour in one build, data races in another. Says what it
// leaves out and why; ends with an error if a sanitizer finds something, or if there is none at all.
//
//   npm run test:sanitize                  both
//   npm run test:sanitize -- thread        one of them (address, thread)
//   CXX=clang++ npm run test:sanitize      another compiler than the first of g++ and clang++ that has the sanitizer
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const COMPILERS = process.env.CXX ? [process.env.CXX] : ['g++', 'clang++']

const SANITIZERS = {
  address: { flags: 'address,undefined,float-cast-overflow', env: { ASAN_OPTIONS: 'detect_stack_use_after_return=1' } },
  thread: {
    flags: 'thread',
    env: { TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1' },
  },
}

/** Why a program built by `compiler` with these sanitizers does not run here; undefined if it does. */
function fault(compiler, flags) {
  const folder = mkdtempSync(join(tmpdir(), 'widehead-sanitize-'))
  try {
    const [source, program] = [join(folder, 'probe.cc'), join(folder, 'probe')]
    writeFileSync(source, '#include <thread>\nint main() { std::thread([] {}).join(); }\n')
    const built = spawnSync(compiler, [`-fsanitize=${flags}`, '-pthread', source, '-o', program], { encoding: 'utf8' })
    if (built.error) return 'is not here'
    if (built.status !== 0) return `cannot link it: ${lastLine(built.stderr)}`
    const { status, signal, stderr } = spawnSync(program, { encoding: 'utf8' })
    return status === 0 ? undefined : `makes programs that do not start here (${signal ?? status}): ${lastLine(stderr)}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function lastLine(text) {
  return text.trim().split('\n').at(-1)
}

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  if (error) throw error
  return status === 0
}

/** True if all is well. */
function test(name, compiler) {
  const { flags, env } = SANITIZERS[name]
  const directory = `build-core-${name}`
  const ninja = spawnSync('ninja', ['--version']).status === 0 ? ['-G', 'Ninja'] : []
  const options = [`-DCMAKE_CXX_COMPILER=${compiler}`, `-DWIDEHEAD_SANITIZE=${flags.replaceAll(',', ';')}`]
  return (
    run('cmake', ['-S', '.', '-B', directory, ...ninja, ...options]) &&
    run('cmake', ['--build', directory, '--parallel', '--target', 'native_tests']) &&
    run('ctest', ['--test-dir', directory, '--output-on-failure', '--parallel', '2'], env)
  )
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(SANITIZERS)
const report = []
let failed = false
for (const name of wanted) {
  if (!Object.hasOwn(SANITIZERS, name)) {
    console.error(`unknown sanitizer ${name}: choose from ${Object.keys(SANITIZERS).join(', ')}`)
    process.exit(2)
  }
  const faults = COMPILERS.map((compiler) => ({ compiler, fault: fault(compiler, SANITIZERS[name].flags) }))
  const compiler = faults.find((tried) => tried.fault === undefined)?.compiler
  if (compiler === undefined) {
    report.push(`${name}: SKIPPED, ${faults.map((tried) => `${tried.compiler} ${tried.fault}`).join('; ')}`)
    continue
  }
  const begin = performance.now()
  const passed = test(name, compiler)
  failed ||= !passed
  report.push(
    `${name}: ${passed ? 'passed' : 'FAILED'} with ${compiler}, ${Math.round((performance.now() - begin) / 1000)} s`,
  )
}
console.log(`\nSanitizers:\n${report.map((line) => `  ${line}`).join('\n')}`)
if (report.every((line) => line.includes('SKIPPED'))) failed = true
process.exit(failed ? 1 : 0)
