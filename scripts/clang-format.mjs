// Formats the C++ sources that git knows of (--write), or names those that are not formatted. The version of clang-format is
// that of the package clang-format-node, pinned in package.json: another one would format other lines.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import clangFormat from 'clang-format-node'

const cwd = fileURLToPath(new URL('..', import.meta.url))

function run(file, args) {
  const { status, stdout, stderr, error } = spawnSync(file, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (error || status !== 0) throw error ?? new Error(`${file} ${args[0]}: ${stderr}`)
  return { stdout, stderr }
}

const files = run('git', ['ls-files', '*.cc', '*.h', '*.inc']).stdout.split('\n').filter(Boolean)
const mode = process.argv.includes('--write') ? '-i' : '--dry-run'
const { stderr } = run(clangFormat.clangFormatPath, [mode, ...files])
const places = [...stderr.matchAll(/^(\S+?):\d+:\d+: warning: /gm)]
if (places.length > 0) {
  console.error(`not formatted (npm run format does it):\n${[...new Set(places.map(([, file]) => file))].join('\n')}`)
  process.exit(1)
}
