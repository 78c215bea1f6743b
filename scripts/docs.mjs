// npm run docs: writes docs/api (from the docstrings, by TypeDoc) and docs/cli.md (from the program).
//
//   npm run docs             writes them
//   npm run docs -- --check  fails if they are not what would be written now
//
// An export without a docstring, or a link that leads nowhere, is an error.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Application } from 'typedoc'
import { cliReference } from './docs/cli-reference.mjs'

const docs = fileURLToPath(new URL('../docs', import.meta.url))
const made = mkdtempSync(join(tmpdir(), 'widehead-docs-'))
process.on('exit', () => rmSync(made, { recursive: true, force: true }))

await writeApi(join(made, 'api'))
writeFileSync(join(made, 'cli.md'), cliReference())
if (process.argv.includes('--check')) check()
else replace()

async function writeApi(out) {
  const app = await Application.bootstrapWithPlugins({ out })
  const project = await app.convert()
  if (!project) fail('the sources do not compile')
  app.validate(project)
  if (app.logger.hasErrors() || app.logger.hasWarnings()) fail('an export lacks its docstring, or a link leads nowhere')
  await app.generateOutputs(project)
  if (app.logger.hasErrors()) fail('TypeDoc could not write')
  if (/^## Other$/m.test(readFileSync(join(out, 'README.md'), 'utf8'))) fail('an export lacks its @category')
}

function check() {
  const [now, then] = [filesOf(made), new Map([...filesOf(docs)].filter(([name]) => isWritten(name)))]
  const stale = [...new Set([...now.keys(), ...then.keys()])].filter((name) => now.get(name) !== then.get(name))
  if (stale.length > 0) fail(`docs/ is not what npm run docs writes: ${stale.join(', ')}`)
}

function replace() {
  for (const name of ['api', 'cli.md']) {
    rmSync(join(docs, name), { recursive: true, force: true })
    cpSync(join(made, name), join(docs, name), { recursive: true })
  }
}

/** The other pages are written by hand. */
function isWritten(name) {
  return name === 'cli.md' || name.startsWith('api/')
}

function filesOf(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = entries.map(({ parentPath, name }) => join(parentPath, name))
  return new Map(paths.map((path) => [relative(folder, path).replaceAll('\\', '/'), readFileSync(path, 'utf8')]))
}

function fail(why) {
  console.error(`docs: ${why}`)
  process.exit(1)
}
