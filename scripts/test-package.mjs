// npm run test:package: packs the package, installs it where there is nothing but node and a shell, and uses it as a stranger would.
// Needs a prebuilt binary of this machine (npm run prebuild).

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const MOST_BYTES = 5e6
const folder = mkdtempSync(join(tmpdir(), 'widehead-package-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const failures = []

function check(what, holds, why = '') {
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}${holds || !why ? '' : `\n${why}`}`)
  if (!holds) failures.push(what)
}

function run(file, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: 'utf8', cwd: folder, ...options })
  return { ok: status === 0, stdout, why: `${error?.message ?? ''}${stderr}${stdout}`.trim() }
}

// Only node and sh: what npm installs must need nothing else.
const bin = join(folder, 'bin')
mkdirSync(bin)
symlinkSync(process.execPath, join(bin, 'node'))
symlinkSync('/bin/sh', join(bin, 'sh'))
const env = {
  PATH: bin,
  HOME: folder,
  npm_config_cache: process.env.npm_config_cache,
  npm_config_registry: process.env.npm_config_registry,
}
const npmCli = process.env.npm_execpath
if (!npmCli) throw new Error('run it as npm run test:package')
const npm = (args, options) =>
  run(process.execPath, [npmCli, ...args], { env: { ...process.env, ...options?.env }, ...options })

const packed = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: root })
if (!packed.ok) throw new Error(packed.why)
const [{ filename, size, files }] = JSON.parse(packed.stdout)
const names = files.map(({ path }) => path)
console.log(`${filename}: ${(size / 1e6).toFixed(2)} MB, ${names.length} files`)
check(`below ${MOST_BYTES / 1e6} MB`, size < MOST_BYTES)
const allowed =
  /^(dist\/.*\.(js|d\.ts)|native\/(?!test\/).*\.(cc|h|inc|txt|map)|prebuilds\/[\w-]+\/widehead(\.\w+)?\.node|binding\.gyp|package\.json|README\.md|CHANGELOG\.md|LICENSE|docs\/cli\.md)$/
const strange = names.filter((name) => !allowed.test(name))
check('nothing but what is meant', strange.length === 0, strange.join(', '))
const prebuilds = names.filter((name) => name.startsWith(`prebuilds/${process.platform}-${process.arch}/`))
check('a prebuilt binary of this machine', prebuilds.length > 0, 'npm run prebuild makes one')

writeFileSync(join(folder, 'package.json'), '{"name": "stranger", "version": "1.0.0", "private": true}')
const installed = npm(['install', '--no-audit', '--no-fund', '--prefer-offline', join(folder, filename)], {
  cwd: folder,
  env,
})
check('npm install, with node and sh alone', installed.ok, installed.why)
check(
  'no install script',
  !/install/.test(
    Object.keys(JSON.parse(readFileSync(join(folder, 'node_modules/widehead/package.json'), 'utf8')).scripts).join(),
  ),
)

const STEP = `
const head = new ExactHead({ numClasses: 1000, hiddenSize: 8, loss: squaredError() })
const hidden = new Float32Array(16).fill(0.5)
const before = head.step(hidden, Int32Array.of(3, 999), { learningRate: 0.1 }).loss
const { loss } = head.evaluate(hidden, Int32Array.of(3, 999))
if (!(loss < before)) throw new Error(\`no step was made: \${before}, \${loss}\`)
head.close()
`
writeFileSync(join(folder, 'step.mjs'), `import { ExactHead, squaredError } from 'widehead'\n${STEP}`)
writeFileSync(join(folder, 'step.cjs'), `const { ExactHead, squaredError } = require('widehead')\n${STEP}`)
for (const file of ['step.mjs', 'step.cjs']) {
  const { ok, why } = run('node', [file], { env })
  check(`a step trains: ${file}`, ok, why)
}

const TYPES = `import { createPredictor, ExactHead, type StepResult, squaredError, train } from 'widehead'
const head = new ExactHead({ numClasses: 10, hiddenSize: 4, loss: squaredError() })
const result: StepResult = head.step(new Float32Array(4), new Int32Array(1), { learningRate: 0.1 })
const loss: number = result.loss
// @ts-expect-error a loss is required
new ExactHead({ numClasses: 10, hiddenSize: 4 })
export const all = [loss, createPredictor, train]
`
// What a TypeScript user has beside it.
cpSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'), { recursive: true })
cpSync(join(root, 'node_modules/undici-types'), join(folder, 'node_modules/undici-types'), { recursive: true })
const tsc = join(root, 'node_modules/typescript/bin/tsc')
for (const [module, resolution, file] of [
  ['node16', 'node16', 'types.mts'],
  ['nodenext', 'nodenext', 'types.cts'],
  ['esnext', 'bundler', 'types.ts'],
]) {
  writeFileSync(join(folder, file), TYPES)
  const options = ['--strict', '--noEmit', '--target', 'es2022', '--module', module, '--moduleResolution', resolution]
  const { ok, why } = run(process.execPath, [tsc, ...options, '--types', 'node', file], {})
  check(`types resolve: ${resolution}, ${file}`, ok, why)
}
const { ok: sound, why: faults } = run(process.execPath, [
  join(root, 'node_modules/publint/src/cli.js'),
  join(folder, 'node_modules/widehead'),
])
check('publint', sound, faults)
// require() of an ES module is no error in the Nodes that this package is for (step.cjs above does it).
const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
const passOver = ['--ignore-rules', 'cjs-resolves-to-esm']
const { ok: typed, why: wrong } = run(process.execPath, [attw, join(folder, filename), ...passOver])
check('arethetypeswrong', typed, wrong)

const widehead = (args, options) => run(join(folder, 'node_modules/.bin/widehead'), args, { env, ...options })
writeFileSync(
  join(folder, 'sets.txt'),
  Array.from({ length: 300 }, (_, i) => `u${i} ${[0, 1, 2, 3].map((j) => `g${i % 10}i${(i + j) % 8}`).join(' ')}`).join(
    '\n',
  ),
)
check(
  'widehead --version',
  widehead(['--version']).stdout === `${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}\n`,
)
const trained = widehead([
  'train',
  '--train',
  'sets.txt',
  '--format',
  'sets',
  '--hidden',
  '8',
  '--epochs',
  '2',
  '--out',
  'model',
])
check('widehead train', trained.ok && statSync(join(folder, 'model/checkpoints/latest')).size > 0, trained.why)
const predicted = widehead(['predict', '--model', 'model'], { input: 'u g1i1 g1i2\n' })
check('widehead predict', predicted.ok && JSON.parse(predicted.stdout).predictions.length === 10, predicted.why)

const nowhere = run('node', ['step.mjs'], { env: { ...env, npm_config_arch: 'riscv64' } })
const says = nowhere.why.includes('WIDEHEAD_NO_BINARY') && nowhere.why.includes('npm run build:source')
check('without a binary it says how to build one', !nowhere.ok && says, nowhere.why)
process.exit(failures.length > 0 ? 1 : 0)
