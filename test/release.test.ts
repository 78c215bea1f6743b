// npm run release, in a repository of its own.

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const script = fileURLToPath(new URL('../scripts/release.mjs', import.meta.url))
const CHANGELOG = '# Changelog\n\n## 0.2.0 (unreleased)\n\n### Added\n\n- A thing.\n\n## 0.1.0 (2026-11-01)\n\n- All.\n'
const ME = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b.c', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b.c' }
let folder: string

const at = (name: string) => join(folder, name)
const read = (name: string) => readFileSync(at(name), 'utf8')

function run(file: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(file, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...ME },
  })
  return { status, output: stdout + stderr }
}

function git(...args: string[]): string {
  const { status, output } = run('git', ...args)
  if (status !== 0) throw new Error(output)
  return output.trim()
}

const release = (...args: string[]) => run(process.execPath, at('scripts/release.mjs'), ...args)
const state = () => [git('rev-parse', 'HEAD'), git('status', '--porcelain'), git('tag', '--list')]

/** Scripts that note in `ran` that they ran; `failing` ends with an error. */
function commitPackage(failing?: string): void {
  const scripts = Object.fromEntries(
    ['check', 'prebuild', 'test:package'].map((name) => [
      name,
      `node -e "fs.appendFileSync('ran', '${name} '); process.exit(${name === failing ? 1 : 0})"`,
    ]),
  )
  writeFileSync(at('package.json'), JSON.stringify({ name: 'thing', version: '0.1.0', scripts }, null, 2))
  git('add', '-A')
  git('commit', '-qm', 'Start')
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'widehead-release-'))
  git('init', '-q', '-b', 'main')
  mkdirSync(at('scripts'))
  cpSync(script, at('scripts/release.mjs'))
  writeFileSync(at('.gitignore'), 'ran\n')
  writeFileSync(at('CHANGELOG.md'), CHANGELOG)
  const lock = {
    name: 'thing',
    version: '0.1.0',
    lockfileVersion: 3,
    packages: { '': { name: 'thing', version: '0.1.0' } },
  }
  writeFileSync(at('package-lock.json'), JSON.stringify(lock))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('sets the version, dates the changelog, runs the tests, commits and tags', () => {
  commitPackage()
  const { status, output } = release('0.2.0')
  expect(status, output).toBe(0)
  expect(JSON.parse(read('package.json')).version).toBe('0.2.0')
  expect(JSON.parse(read('package-lock.json')).packages[''].version).toBe('0.2.0')
  const today = new Date().toISOString().slice(0, 10)
  expect(read('CHANGELOG.md')).toBe(CHANGELOG.replace('unreleased', today))
  expect(read('ran')).toBe('check prebuild test:package ')
  expect(git('status', '--porcelain')).toBe('')
  expect(git('log', '-1', '--format=%s')).toBe('Release 0.2.0')
  expect(git('rev-parse', 'v0.2.0^{commit}')).toBe(git('rev-parse', 'HEAD'))
})

test('a version that package.json has already can be the first release', () => {
  commitPackage()
  const { status, output } = release('0.1.0', '--skip-tests')
  expect(status, output).toBe(0)
  expect(read('CHANGELOG.md')).toContain('## 0.1.0 (2')
  expect(existsSync(at('ran'))).toBe(false)
  expect(git('tag', '--list')).toBe('v0.1.0')
})

test('--dry-run tells the steps and takes none', () => {
  commitPackage()
  const before = state()
  const { status, output } = release('0.2.0', '--dry-run')
  expect(status, output).toBe(0)
  for (const part of [
    'npm version 0.2.0',
    '## 0.2.0 (2',
    'npm run check',
    'npm run test:package',
    'git tag -a v0.2.0',
  ]) {
    expect(output).toContain(part)
  }
  expect(state()).toEqual(before)
  expect(existsSync(at('ran'))).toBe(false)
})

describe('refuses, and changes nothing', () => {
  const commit = () => git('commit', '-qam', 'Change')
  test.each<[string, string, () => void]>([
    ['a version that is none', 'usage', () => {}],
    ['another branch', 'this is feature', () => git('checkout', '-qb', 'feature')],
    ['uncommitted changes', 'CHANGELOG.md', () => writeFileSync(at('CHANGELOG.md'), `${CHANGELOG}\n`)],
    ['files that git does not know', 'stray', () => writeFileSync(at('stray'), '')],
    ['a version that was released', 'v0.2.0 was released before', () => git('tag', 'v0.2.0')],
    ['no heading', 'no heading', () => [writeFileSync(at('CHANGELOG.md'), '# Changelog\n'), commit()]],
    [
      'no entries',
      'nothing under',
      () => [writeFileSync(at('CHANGELOG.md'), CHANGELOG.replace('- A thing.', '')), commit()],
    ],
  ])('%s', (what, says, prepare) => {
    commitPackage()
    prepare()
    const before = state()
    const { status, output } = release(what === 'a version that is none' ? 'v0.2' : '0.2.0')
    expect(status).toBe(1)
    expect(output).toContain(says)
    expect(state()).toEqual(before)
  })

  test('a version before this one', () => {
    commitPackage()
    expect(release('0.0.9').output).toContain('0.0.9 is before 0.1.0')
  })

  test.each(['check', 'prebuild', 'test:package'])('a failing %s', (name) => {
    commitPackage(name)
    const before = state()
    const { status, output } = release('0.2.0')
    expect(status).toBe(1)
    expect(output).toContain(`npm run ${name} failed; nothing was released`)
    expect(state()).toEqual(before)
  })
})
