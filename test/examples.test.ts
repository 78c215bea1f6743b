// Every example runs as a user would run it, on a small task, and learns something.

import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
// Examples import the built package by its name.
const built = existsSync(`${root}/dist/index.js`)
if (!built) console.warn('examples are not tested: run npm run build first')

async function run(name: string, ...sizes: number[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [`examples/${name}`, ...sizes.map(String)], {
    cwd: root,
  })
  return stdout
}

/** All numbers that follow `words` in the output. */
function numbersAfter(words: string, output: string): number[] {
  return [...output.matchAll(new RegExp(`${words} ([\\d.]+)`, 'g'))].map(([, number]) => Number(number))
}

function expectFalling(losses: number[]): void {
  expect(losses.length).toBeGreaterThan(2)
  expect(losses.at(-1)).toBeLessThan(losses[0])
}

/** Far better than to always answer what is most frequent, which is right in a third of the examples. */
function expectLearned(output: string): void {
  expectFalling(numbersAfter('loss', output))
  expect(numbersAfter('first 10 in', output)[0]).toBeGreaterThan(85)
  expect(numbersAfter('10 most frequent in', output)[0]).toBeLessThan(45)
}

test.skipIf(!built)('training-loop.mjs', async () => {
  expectLearned(await run('training-loop.mjs', 1_000, 500))
})

test.skipIf(!built)('tensorflow.mjs', async () => {
  const output = await run('tensorflow.mjs', 1_000, 300)
  expectLearned(output)
  const tensors = [...output.matchAll(/(\d+) tensors/g)].map(([, count]) => count)
  expect(new Set(tensors).size, 'numbers of tensors').toBe(1)
})

test.skipIf(!built)('frozen-embeddings.mjs', async () => {
  const output = await run('frozen-embeddings.mjs', 500, 3_000)
  expectFalling(numbersAfter('loss', output))
  expect(numbersAfter('is right in', output)[0]).toBeGreaterThan(75)
  const [mine, frequent] = numbersAfter('held out:', output).slice(-2)
  expect(mine).toBeGreaterThan(70)
  expect(frequent).toBeLessThan(40)
})

test.skipIf(!built)('recommender.mjs', async () => {
  const output = await run('recommender.mjs', 1_000, 4_000)
  expectFalling(numbersAfter('loss', output))
  const [mine] = numbersAfter('the first 20 in', output)
  const [popular] = numbersAfter('20 most popular in', output)
  expect(mine).toBeGreaterThan(1.3 * popular)
})

test('each example is told of in the README of examples', () => {
  const readme = readFileSync(`${root}/examples/README.md`, 'utf8')
  for (const name of readdirSync(`${root}/examples`)) {
    if (name.endsWith('.mjs') && name !== 'random.mjs') expect(readme).toContain(`node examples/${name}`)
  }
})
