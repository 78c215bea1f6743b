// Every code block of README.md, CONTRIBUTING.md, docs/ and docstrings runs as a reader would run it.
//
// js and ts are ES modules that import 'widehead' by its name, that is dist/; one without imports goes on from the one before.
// sh is run by line. text is for the eye. A block in any other language, or an indented one, fails.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Block, blocksOf, docstringBlocks, filesBelow, inlineCode, read } from './blocks.js'
import { Reader, root } from './reader.js'
import { checkCommand, runShell } from './shell.js'

const built = existsSync(`${root}/dist/index.js`)
if (!built) console.warn('code blocks are not tested: run npm run compile first')

// docs/api repeats the blocks of the docstrings, and is signatures otherwise.
const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', 'examples/README.md', ...filesBelow(root, 'docs', '.md')].filter(
  (name) => !name.startsWith('docs/api/'),
)
const SOURCES = filesBelow(root, 'lib', '.ts').filter((name) => /^\s*\* ```/m.test(read(root, name)))
const places: [string, () => Block[]][] = [
  ...DOCUMENTS.map((name): [string, () => Block[]] => [name, () => blocksOf(name, read(root, name))]),
  ...SOURCES.map((name): [string, () => Block[]] => [name, () => docstringBlocks(name, read(root, name))]),
]

describe.skipIf(!built).each(places)('%s', (_name, blocksHere) => {
  let reader: Reader
  beforeAll(async () => {
    reader = new Reader()
    const commands = blocksHere().filter(({ language, text }) => language === 'sh' && text.includes('npx widehead'))
    if (commands.length > 0) await reader.train('model', 'model-a', 'model-b')
  })
  afterAll(() => reader?.leave())

  test('all blocks run', async () => {
    for (const program of programsOf(blocksHere())) {
      try {
        await runProgram(program, reader)
      } catch (error) {
        throw new Error(`${program.place} (${program.language}): ${(error as Error).message}`, { cause: error })
      }
    }
  })
})

test.each([...DOCUMENTS, 'ARCHITECTURE.md'])('%s: commands of npm in the text are there', (name) => {
  for (const { place, text } of inlineCode(name, read(root, name)).filter(({ text }) => /^npm \w/.test(text))) {
    try {
      checkCommand(text)
    } catch (error) {
      throw new Error(`${place}: ${(error as Error).message}`)
    }
  }
})

// Where a name stands without the folder of its language.
const FOLDERS = ['', 'native', 'lib', 'lib/heads', 'test']

test.each(['CONTRIBUTING.md', 'ARCHITECTURE.md'])('%s: files and folders that the text names are there', (name) => {
  const named = inlineCode(name, read(root, name)).filter(
    ({ text }) => /^[\w.-]+\/[\w./-]*$/.test(text) && !/\bNAME\b/.test(text),
  )
  expect(named.length).toBeGreaterThan(name === 'ARCHITECTURE.md' ? 50 : 1)
  const missing = named.filter(({ text }) => !FOLDERS.some((folder) => existsSync(join(root, folder, text))))
  expect(missing.map(({ place, text }) => `${place}: ${text}`)).toEqual([])
})

test('what cannot be run is refused', async () => {
  const reader = new Reader()
  const block = (language: string, text: string): Block => ({ place: 'here:1', language, text })
  await expect(runProgram(block('python', 'print()'), reader)).rejects.toThrow('language python')
  await expect(runProgram(block('', 'npm it'), reader)).rejects.toThrow('no language')
  await expect(runProgram(block('sh', 'rm -rf model'), reader)).rejects.toThrow('how to run rm')
  await expect(runProgram(block('sh', 'npm run nothing'), reader)).rejects.toThrow('no script nothing')
  await expect(runProgram(block('sh', 'npm run bench -- nothing'), reader)).rejects.toThrow('no table nothing')
  if (built) {
    await expect(
      runProgram(block('sh', 'npx widehead evaluate --model nowhere --data train.txt'), reader),
    ).rejects.toThrow('nowhere')
    await expect(runProgram(block('js', "import { nothing } from 'widehead'\nnothing()"), reader)).rejects.toThrow(
      'nothing',
    )
    await expect(
      runProgram(block('ts', "import { setThreads } from 'widehead'\nsetThreads('one')"), reader),
    ).rejects.toThrow()
  }
  expect(() => blocksOf('here', 'As\n\n    npm it\n')).toThrow('here:3: an indented block')
  expect(() => blocksOf('here', '```js\n')).toThrow('here:1: a block without an end')
  reader.leave()
})

/** A block without imports goes on from the one before, in the same language. */
function programsOf(blocksHere: readonly Block[]): Block[] {
  const programs: Block[] = []
  const last = new Map<string, Block>()
  for (const block of blocksHere) {
    const before = last.get(block.language)
    if (/^[jt]s$/.test(block.language) && before && !/^import /m.test(block.text)) {
      before.text += block.text
      continue
    }
    const program = { ...block }
    programs.push(program)
    last.set(block.language, program)
  }
  return programs
}

async function runProgram({ language, text, place }: Block, reader: Reader): Promise<void> {
  const name = `block-${place.replace(/\W+/g, '-')}`
  switch (language) {
    case 'sh':
      return runShell(text, reader)
    case 'js':
      for (const [, out] of text.matchAll(/\bout: '([^']+)'/g)) reader.remove(out)
      return reader.run(`${name}.mjs`, text)
    case 'ts':
      reader.write(`${name}.mts`, text)
      await reader.checkTypes(`${name}.mts`)
      return reader.run(
        `${name}.mjs`,
        ts.transpile(text, { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }),
      )
    case 'text':
      return
    default:
      throw new Error(
        language ? `nothing runs the language ${language}` : 'no language is given: text is for what is not code',
      )
  }
}
