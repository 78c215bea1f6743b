// Every example runs as a user would run it, on a small task, and learns something.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { CORPORA, widehead } from './cli/helpers.js'

const root = fileURLToPath(new URL('..', import.meta.url))
// Examples import the built package by its name.
const built = existsSync(`${root}/dist/index.js`)
if (!built) console.warn('examples are not tested: run npm run compile first')

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

test.skipIf(!built)('server.mjs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'widehead-server-'))
  const [data, model] = [join(folder, 'sets'), join(folder, 'model')]
  writeFileSync(data, CORPORA.sets)
  const trained = await widehead([
    'train',
    '--train',
    data,
    '--format',
    'sets',
    '--out',
    model,
    '--hidden',
    '8',
    '--epochs',
    '2',
  ])
  expect(trained.code).toBe(0)
  const server = spawn(process.execPath, ['examples/server.mjs', model, '0'], { cwd: root })
  const address = `http://localhost:${/\d+/.exec(String(await once(server.stdout, 'data')))?.[0]}`
  const ask = async (path: string, options?: RequestInit) => {
    const response = await fetch(address + path, options)
    return { status: response.status, body: (await response.json()) as { predictions: unknown[]; code?: string } }
  }
  const post = (body: string) => ask('/predict', { method: 'POST', body })
  const answers = await Promise.all(Array.from({ length: 30 }, () => post('{"line": "u g1i1 g1i2", "top": 3}')))
  expect(new Set(answers.map(({ status, body }) => `${status} ${body.predictions.length}`))).toEqual(new Set(['200 3']))
  expect((await ask('/predict?line=u+g1i1+g1i2&top=3')).body).toEqual(answers[0].body)
  expect(await post('{"line": ')).toMatchObject({ status: 400 })
  expect(await post('{"line": 5}')).toMatchObject({ status: 400, body: { code: 'WIDEHEAD_INVALID_TYPE' } })
  expect(await post('{"line": "u", "top": 0}')).toMatchObject({ status: 400, body: { code: 'WIDEHEAD_OUT_OF_RANGE' } })
  expect(await ask('/elsewhere')).toMatchObject({ status: 404 })
  expect(await ask('/predict', { method: 'PUT' })).toMatchObject({ status: 405 })
  server.kill('SIGTERM')
  expect((await once(server, 'exit'))[0]).toBe(0)
  rmSync(folder, { recursive: true })
})

test('each example is told of in the README of examples', () => {
  const readme = readFileSync(`${root}/examples/README.md`, 'utf8')
  for (const name of readdirSync(`${root}/examples`)) {
    if (name.endsWith('.mjs') && name !== 'random.mjs') expect(readme).toContain(`node examples/${name}`)
  }
})
