// docs/troubleshooting.md: each error code has its section, and the messages in it are those that are printed.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { customLoss, ExactHead, loadHead, squaredError, Trunk, train } from '../lib/index.js'
import { temporaryFolder } from './data/helpers.js'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8')
const page = read('docs/troubleshooting.md')
const codes = [...read('lib/errors.ts').matchAll(/^ {2}\| '(WIDEHEAD_\w+)'/gm)].map(([, code]) => code)
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section] as const),
)

test('the codes are those of lib/errors.ts, in its order', () => {
  expect(codes.length).toBeGreaterThan(10)
  expect([...sections.keys()].filter((title) => title.startsWith('WIDEHEAD_'))).toEqual(codes)
})

test.each(codes)('%s has a message, a cause and a mend', (code) => {
  expect(sections.get(code)).toMatch(/^```text\n[^`]+\n```$[\s\S]*^\*\*Cause\.\*\* [\s\S]*^\*\*Mend\.\*\* /m)
})

test('the message of a missing binary is that of lib/native.ts, which a test of the package provokes', () => {
  const parts = ['no binary of widehead that this system can load (', 'npm explore widehead -- npm run build:source']
  for (const part of parts) {
    expect(read('lib/native.ts')).toContain(part)
    expect(sections.get('WIDEHEAD_NO_BINARY')).toContain(part)
  }
})

test('the message of a mistake of our own is that of the core, which a test of its provokes', () => {
  const message = 'a call failed in a way that none should: '
  expect(read('native/base/typed_error.h')).toContain(message)
  expect(sections.get('WIDEHEAD_INTERNAL')).toContain(message)
})

describe('messages', () => {
  const hidden = new Float32Array(8).fill(1)
  const targets = new Int32Array([1, 2])
  const options = { learningRate: 0.1 }
  const create = (loss = squaredError()) => new ExactHead({ numClasses: 1000, hiddenSize: 4, loss })
  const out = temporaryFolder()

  test.each<[string, () => unknown]>([
    ['WIDEHEAD_INVALID_TYPE', () => create().step([1, 2, 3, 4] as never, targets, options)],
    ['WIDEHEAD_OUT_OF_RANGE', () => create().step(hidden, new Int32Array([1, 1000]), options)],
    ['WIDEHEAD_OUT_OF_RANGE', () => create().step(new Float32Array(8).fill(Number.NaN), targets, options)],
    ['WIDEHEAD_OUT_OF_RANGE', () => create().step(hidden, targets, { learningRate: 10, weightDecay: 1 })],
    ['WIDEHEAD_DETACHED', () => create().step(transferred(hidden), targets, options)],
    [
      'WIDEHEAD_OUT_OF_MEMORY',
      () => new ExactHead({ numClasses: 2 ** 31 - 1, hiddenSize: 65536, loss: squaredError() }),
    ],
    ['WIDEHEAD_CLOSED', () => stepClosed()],
    ['WIDEHEAD_BUSY', () => stepTwice()],
    ['WIDEHEAD_STALE', () => applyTwice()],
    ['WIDEHEAD_STALE', () => applyLate()],
    ['WIDEHEAD_LOSS', () => create(customLoss(({ losses }) => losses.fill(Number.NaN))).step(hidden, targets, options)],
    ['WIDEHEAD_LOSS', () => create(customLoss((async () => {}) as never)).step(hidden, targets, options)],
    ['WIDEHEAD_LOSS', () => overflowTrunk()],
    ['WIDEHEAD_FILE', () => train({ data: 'nothere.txt', format: 'sets', out })],
    ['WIDEHEAD_USAGE', () => train({ data: ['1 2 3'], format: 'sets', out, alpha: 2 })],
  ])('%s is thrown with a message that is on the page', async (code, fail) => {
    const error = await Promise.resolve()
      .then(fail)
      .then(
        () => undefined,
        (thrown) => thrown,
      )
    expect(error).toMatchObject({ code })
    expect(sections.get(code)).toContain(error.message)
  })

  test('a damaged line is named as the page says', async () => {
    const data = ['2 3 4', '0 1:1', '9 1:1']
    const error = await train({ data, format: 'xmc', out }).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'WIDEHEAD_DATA' })
    expect(sections.get('WIDEHEAD_DATA')).toContain(error.message.replace(/^data/, ''))
  })

  test('a checkpoint that is not there is a WIDEHEAD_FILE', async () => {
    await expect(loadHead('missing')).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
  })

  function transferred(array: Float32Array): Float32Array {
    const copy = array.slice()
    structuredClone(copy, { transfer: [copy.buffer] })
    return copy
  }

  function stepClosed(): void {
    const head = create()
    head.close()
    head.step(hidden, targets, options)
  }

  async function stepTwice(): Promise<void> {
    const head = create()
    const first = head.stepAsync(hidden, targets, options)
    try {
      head.step(hidden, targets, options)
    } finally {
      await first
    }
  }

  function applyTwice(): void {
    const { apply } = create().forward(hidden, targets)
    apply(options)
    apply(options)
  }

  function applyLate(): void {
    const head = create()
    const { apply } = head.forward(hidden, targets)
    head.step(hidden, targets, options)
    apply(options)
  }

  function overflowTrunk(): void {
    const trunk = new Trunk({ vocabularySize: 10, embeddingSize: 4, optimizer: { kind: 'sgd' } })
    trunk.forward({ indptr: new Int32Array([0, 1]), indices: new Int32Array([1]) })
    trunk.backward(new Float32Array(4).fill(1e38), { learningRate: 1 })
  }
})
