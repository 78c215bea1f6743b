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

test.skipIf(!built)('training-loop.mjs', async () => {
  const output = await run('training-loop.mjs', 1_000, 500)
  expectFalling(numbersAfter('loss', output))
  expect(numbersAfter('first 10 in', output)[0]).toBeGreaterThan(50) // 1 % by chance
})

test.skipIf(!built)('tensorflow.mjs', async () => {
  const output = await run('tensorflow.mjs', 1_000, 500)
  expectFalling(numbersAfter('loss', output))
  expect(numbersAfter('first 10 in', output)[0]).toBeGreaterThan(50)
  const tensors = [...output.matchAll(/(\d+) tensors/g)].map(([, count]) => count)
  expect(new Set(tensors).size).toBe(1)
})

test.skipIf(!built)('frozen-embeddings.mjs', async () => {
  const output = await run('frozen-embeddings.mjs', 500, 3_000)
  expectFalling(numbersAfter('loss', output))
  expect(numbersAfter('is right in', output)[0]).toBeGreaterThan(40)
  expect(numbersAfter('held out:', output).at(-1)).toBeGreaterThan(40) // of the tags among the first 5; 1 % by chance
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
