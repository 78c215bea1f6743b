// What every platform runs: the library and its tests as plain JavaScript, beside the prebuilt binaries, in build-platforms/.

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const here = fileURLToPath(new URL('.', import.meta.url))
export const folder = join(root, 'build-platforms')

/** What must hold wherever the package is installed: all heads, their misuse, saving and loading, the trunk, the index. */
const CONFORMANCE =
  /^test\/(.*-head|(errors|trunk|search-index|hierarchical-softmax)[^/]*|(misuse|softmax)\/.*|checkpoint\/(heads|damage)|hazards\/(arrays|close.*|custom-loss|reentrance))\.test\.js$/

function run(file, args, options = {}) {
  const { status, error, stdout } = spawnSync(file, args, { encoding: 'utf8', ...options })
  if (error || status !== 0) throw new Error(`${file} ${args.join(' ')}: ${error?.message ?? `status ${status}`}`)
  return stdout
}

/** Compiles and copies; the folder, and the files of tests in it. */
export function prepare() {
  const code = join(folder, 'code')
  rmSync(code, { recursive: true, force: true })
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', 'false', '--rootDir', root, '--outDir', code]
  run(process.execPath, tsc, { cwd: root, stdio: 'inherit' })
  cpSync(join(root, 'package.json'), join(code, 'package.json'))
  cpSync(join(root, 'prebuilds'), join(code, 'prebuilds'), { recursive: true })
  cpSync(join(here, 'run-files.mjs'), join(code, 'run-files.mjs'))
  // Node looks for packages here before it looks in the root's node_modules.
  const vitest = join(code, 'node_modules/vitest')
  mkdirSync(vitest, { recursive: true })
  writeFileSync(join(vitest, 'package.json'), '{"name": "vitest", "type": "module", "exports": "./vitest.mjs"}')
  cpSync(join(here, 'vitest.mjs'), join(vitest, 'vitest.mjs'))
  const files = readdirSync(join(code, 'test'), { recursive: true }).map((name) => `test/${name}`)
  return { code, files: files.filter((name) => CONFORMANCE.test(name)).sort() }
}

/** The folder of a package of the npm registry, fetched once and whatever platform it is for. */
export function packaged(name) {
  const to = join(folder, 'packages', name)
  if (existsSync(to)) return to
  const from = join(folder, 'unpacked')
  rmSync(from, { recursive: true, force: true })
  mkdirSync(from, { recursive: true })
  const npm = [process.env.npm_execpath, 'pack', '--silent', name]
  const archive = run(process.execPath, npm, { cwd: from, stdio: ['ignore', 'pipe', 'inherit'] }).trim()
  run('tar', ['xzf', archive], { cwd: from })
  mkdirSync(join(to, '..'), { recursive: true })
  renameSync(join(from, 'package'), to)
  rmSync(from, { recursive: true })
  return to
}
