// Every instruction set this CPU has, forced by name in a process of its own.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isa, supportedIsas, threads, version } from '../lib/index.js'
import type { IsaReport } from './child/isa.js'
import { runForJson } from './child/run.js'

const KNOWN = ['avx512', 'avx2', 'neon', 'scalar']
const names = supportedIsas()
const reports = new Map<string, Promise<IsaReport>>()

/** Each run once, when first asked for. */
function reportOf(name: string, count = '2'): Promise<IsaReport> {
  const key = `${name} ${count}`
  if (!reports.has(key)) {
    reports.set(key, runForJson<IsaReport>('./isa.ts', { WIDEHEAD_ISA: name, WIDEHEAD_THREADS: count }))
  }
  return reports.get(key) as Promise<IsaReport>
}

test('supported names are known ones, scalar among them, each once', () => {
  expect(KNOWN).toEqual(expect.arrayContaining(names))
  expect(names).toContain('scalar')
  expect(new Set(names).size).toBe(names.length)
  expect(names).toContain(isa())
})

describe.each(names)('%s', (name) => {
  test('is in use when forced', async () => {
    expect((await reportOf(name)).isa).toBe(name)
  })

  test('ragged sizes, d from 1 to 512, unaligned views: right to rounding', async () => {
    const { errors } = await reportOf(name)
    expect(errors.length).toBe(14)
    for (const { name: what, ...each } of errors) {
      expect(each.loss, `${what}: loss`).toBeLessThan(2e-6)
      expect(each.dHidden, `${what}: dHidden`).toBeLessThan(5e-6)
      expect(each.weights, `${what}: weights`).toBeLessThan(1e-6)
      expect(each.logits, `${what}: logits`).toBeLessThan(3e-6)
    }
  })

  test('gives the same bits in another process', async () => {
    const again = await runForJson<IsaReport>('./isa.ts', { WIDEHEAD_ISA: name, WIDEHEAD_THREADS: '2' })
    expect(again.resultDigest).toBe((await reportOf(name)).resultDigest)
  })

  test('draws the starting weights that all draw, on any number of threads', async () => {
    const one = await reportOf(name, '1')
    expect([one.threads, (await reportOf(name)).threads]).toEqual([1, 2])
    expect(one.initDigest).toBe((await reportOf('scalar')).initDigest)
    expect((await reportOf(name)).initDigest).toBe(one.initDigest)
  })
})

test('a vector unit sums in another order than plain code: the forced code did run', async () => {
  const digests = await Promise.all(names.map(async (name) => (await reportOf(name)).resultDigest))
  expect(new Set(digests).size).toBe(names.length)
})

test.each(['sse9', 'AVX2', ...KNOWN.filter((name) => !names.includes(name))])(
  'WIDEHEAD_ISA=%s is refused',
  async (wrong) => {
    const error = await runForJson<Record<string, string>>('./import.ts', { WIDEHEAD_ISA: wrong })
    expect(error).toMatchObject({ name: 'RangeError', code: 'WIDEHEAD_ISA' })
    for (const part of ['WIDEHEAD_ISA', wrong, ...names]) expect(error.message).toContain(part)
  },
)

test.each(['0', '-1', 'two', '1.5', '5000'])('WIDEHEAD_THREADS=%s is refused', async (wrong) => {
  const error = await runForJson<Record<string, string>>('./import.ts', { WIDEHEAD_THREADS: wrong })
  expect(error).toMatchObject({ name: 'RangeError', code: 'WIDEHEAD_OUT_OF_RANGE' })
  for (const part of ['WIDEHEAD_THREADS', wrong]) expect(error.message).toContain(part)
})

test('without settings: the best instruction set', async () => {
  const facts = await runForJson('./import.ts', { WIDEHEAD_ISA: '', WIDEHEAD_THREADS: '' })
  expect(facts).toMatchObject({ isa: names[0], supportedIsas: names, version })
})

test('WIDEHEAD_THREADS sets the number of threads', async () => {
  expect(await runForJson('./import.ts', { WIDEHEAD_THREADS: '3' })).toMatchObject({ threads: 3 })
  expect(threads()).toBeGreaterThanOrEqual(1)
})

test('version is that of package.json', () => {
  expect(version).toBe(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version)
})
