// npm run release -- 0.2.0: makes the commit and the tag of a release. Pushing the tag publishes it (.github/workflows/release.yml).
//
//   --dry-run      checks, and prints what it would do
//   --skip-tests   without npm run check, prebuild and test:package

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const CHANGELOG = join(root, 'CHANGELOG.md')
const CHANGED = ['package.json', 'package-lock.json', 'CHANGELOG.md']
const UNRELEASED = /^## .*\(unreleased\)$/m
const TESTS = ['check', 'prebuild', 'test:package']

function fail(message) {
  console.error(message)
  process.exit(1)
}

function capture(...args) {
  const { status, stdout, stderr, error } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  if (error || status !== 0) fail(`git ${args.join(' ')}: ${error?.message ?? stderr}`)
  return stdout.trim()
}

function run(file, args) {
  console.log(`> ${[file, ...args].join(' ')}`)
  if (values['dry-run']) return
  const npm = process.env.npm_execpath
  const command = file === 'npm' && npm ? [process.execPath, npm, ...args] : [file, ...args]
  const { status, error } = spawnSync(command[0], command.slice(1), { cwd: root, stdio: 'inherit' })
  if (error || status !== 0) throw new Error(`${file} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`)
}

const { values, positionals } = parseArgs({
  options: { 'dry-run': { type: 'boolean' }, 'skip-tests': { type: 'boolean' } },
  allowPositionals: true,
})
const [version] = positionals
if (positionals.length !== 1 || !/^\d+\.\d+\.\d+$/.test(version)) {
  fail('usage: npm run release -- MAJOR.MINOR.PATCH [--dry-run] [--skip-tests]')
}

const branch = capture('rev-parse', '--abbrev-ref', 'HEAD')
if (branch !== 'main') fail(`releases are made on main, this is ${branch}`)
const changes = capture('status', '--porcelain')
if (changes !== '') fail(`the tree has changes:\n${changes}`)
if (capture('tag', '--list', `v${version}`) !== '') fail(`v${version} was released before`)
const current = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
if (version.localeCompare(current, 'en', { numeric: true }) < 0) fail(`${version} is before ${current}`)

const changelog = readFileSync(CHANGELOG, 'utf8')
const unreleased = changelog.split(/^(?=## )/m).find((part) => UNRELEASED.test(part))
if (unreleased === undefined) fail('CHANGELOG.md has no heading "## VERSION (unreleased)"')
if (!/^- /m.test(unreleased)) fail('CHANGELOG.md has nothing under "(unreleased)"')

try {
  run('npm', ['version', version, '--no-git-tag-version', '--allow-same-version'])
  const stamp = `## ${version} (${new Date().toISOString().slice(0, 10)})`
  console.log(`> CHANGELOG.md: ${stamp}`)
  if (!values['dry-run']) writeFileSync(CHANGELOG, changelog.replace(UNRELEASED, stamp))
  if (!values['skip-tests']) for (const script of TESTS) run('npm', ['run', script])
  run('git', ['commit', '-m', `Release ${version}`, '--', ...CHANGED])
} catch (error) {
  capture('checkout', '--', ...CHANGED)
  fail(`${error.message}; nothing was released`)
}
run('git', ['tag', '-a', `v${version}`, '-m', `widehead ${version}`])
console.log(`git push origin main v${version} publishes it`)
