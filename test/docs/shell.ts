// The lines of a shell block: what is run, and what is only checked because it would take too long or change this checkout.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { type Reader, root } from './reader.js'

/** Tools that documents make small data with. */
const TOOLS = ['awk', 'cat', 'echo', 'head', 'seq', 'tail']
/** What npm can do without a script of ours. */
const NPM_WORDS = ['ci', 'explore', 'install', 'it', 'pack', 'test']
const OUR_PACKAGES = [packageJson.name, ...Object.keys(packageJson.peerDependencies)]

export async function runShell(text: string, reader: Reader): Promise<void> {
  const written = new Set<string>()
  for (const line of text.replace(/\\\n\s*/g, ' ').split('\n')) {
    const command = line.replace(/(^|\s)#.*$/, '').trim()
    if (command === '') continue
    if (/\bnpx widehead\b/.test(command)) await runWidehead(command, reader, written)
    else if (TOOLS.includes(command.split(' ')[0])) await reader.shell(command)
    else checkCommand(command)
  }
}

/** The commands of a document are alternatives: what one writes is not in the way of the next, unless that resumes it. */
async function runWidehead(command: string, reader: Reader, written: Set<string>): Promise<void> {
  const [, out] = /\s--out\s+(\S+)/.exec(command) ?? []
  const resumes = / --resume\b/.test(command)
  if (out && !(resumes && written.has(out))) reader.remove(out)
  await reader.shell(command)
  if (resumes && out && !written.has(out)) await reader.shell(command) // now there is something to go on from
  if (out) written.add(out)
}

/** A command that is not run: the scripts, tables and files that it names must be there. Throws for any other. */
export function checkCommand(command: string): void {
  for (const part of command.split(/\s*&&\s*/)) {
    const [program, word, ...rest] = part.replace(/^(\w+=\S+\s+)+/, '').split(/\s+/)
    if (program === 'npm') checkNpm(word, rest)
    else if (program === 'bash' || program === 'node') expectThat(existsSync(join(root, word)), `there is no ${word}`)
    else throw new Error(`the test does not know how to run ${program}`)
  }
}

function checkNpm(word: string, rest: readonly string[]): void {
  if (word !== 'run') {
    expectThat(NPM_WORDS.includes(word), `npm ${word} is nothing the test knows`)
    if (word === 'install') for (const name of rest) expectThat(OUR_PACKAGES.includes(name), `${name} is none of ours`)
    return
  }
  const [script, dashes, ...args] = rest
  expectThat(Object.hasOwn(packageJson.scripts, script), `package.json has no script ${script}`)
  expectThat(dashes === undefined || dashes === '--', `npm keeps ${dashes} for itself: put -- before it`)
  if (script === 'bench') for (const table of args) expectThat(TABLES.includes(table), `there is no table ${table}`)
}

const TABLES = readdirSync(join(root, 'bench/tables')).map((name) => name.replace(/\.mjs$/, ''))

function expectThat(holds: boolean, fault: string): void {
  if (!holds) throw new Error(fault)
}
