// createPredictor(): what it answers, many at once, and what it does with bad queries.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { createPredictor } from '../../lib/index.js'
import { CORPORA, jsonLines, widehead } from '../cli/helpers.js'
import { temporaryFolder } from '../data/helpers.js'

const folder = temporaryFolder()
const path = (name: string) => join(folder, name)

beforeAll(async () => {
  for (const [format, head] of [
    ['sets', 'exact'],
    ['xmc', 'lsh'],
    ['text', 'sampled'],
  ] as const) {
    writeFileSync(path(`${format}.txt`), CORPORA[format])
    const sizes = ['--hidden', format === 'text' ? 'none' : '8', '--embedding', '8', '--epochs', '2', '--head', head]
    const { code } = await widehead([
      'train',
      '--train',
      path(`${format}.txt`),
      '--format',
      format,
      '--out',
      path(format),
      ...sizes,
    ])
    expect(code).toBe(0)
  }
})

const QUERIES = {
  sets: ['0 g0i1 g0i2', 'u g1i1', 'u g1i1 never-seen', 'u'],
  text: ['one two three', '', 'two'],
  xmc: ['1:1', '2:1 3:0.5', '0:2'],
}

describe.each(Object.entries(QUERIES))('a model of %s', (format, queries) => {
  it('answers as widehead predict does, one at a time or many at once', async () => {
    const predictor = await createPredictor(path(format))
    const { stdout } = await widehead(['predict', '--model', path(format), '--top', '5'], queries.join('\n'))
    const expected = jsonLines(stdout).map(({ predictions, unknown = [] }) => ({ predictions, unknown }))
    const near = (answers: unknown[]) =>
      JSON.parse(JSON.stringify(answers), (_, x) => (typeof x === 'number' ? Number(x.toFixed(4)) : x))
    const single = []
    for (const query of queries) single.push(await predictor.predict(query, { top: 5 }))
    expect(near(single)).toEqual(near(expected))
    const many = await Promise.all(
      Array.from({ length: 40 }, () => queries)
        .flat()
        .map((query) => predictor.predict(query, { top: 5 })),
    )
    expect(near(many)).toEqual(near(Array.from({ length: 40 }, () => expected).flat()))
    await predictor.close()
  })
})

describe('a predictor', () => {
  it('answers each query with as many classes as it asks for', async () => {
    const predictor = await createPredictor(path('sets'), { top: 3, batch: 2 })
    const answers = await Promise.all([1, 7, undefined, 2, 100].map((top) => predictor.predict('u g1i1', { top })))
    expect(answers.map(({ predictions }) => predictions.length)).toEqual([1, 7, 3, 2, expect.any(Number)])
    expect(answers[4].predictions.length).toBeGreaterThan(20)
    for (const { predictions } of answers) expect(predictions[0]).toEqual(answers[0].predictions[0])
    await predictor.close()
  })

  it('takes as many queries at once as `batch` allows', async () => {
    const predictor = await createPredictor(path('sets'), { top: 1, batch: 2 ** 20 })
    const answers = await Promise.all(Array.from({ length: 200_000 }, () => predictor.predict('u')))
    expect(answers.every(({ predictions }) => predictions.length === 1)).toBe(true)
    await predictor.close()
  })

  it('tells a bad query what is wrong, and answers the others', async () => {
    const predictor = await createPredictor(path('xmc'))
    const settled = await Promise.allSettled(
      ['1:1', '99:1', '1:x', '1:1 2', '2:1'].map((line) => predictor.predict(line)),
    )
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled'])
    for (const { reason } of settled.slice(1, 4) as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({
        name: 'WideheadError',
        code: 'WIDEHEAD_DATA',
        message: expect.stringContaining('query:1:'),
      })
    }
    expect(settled[0]).toEqual({ status: 'fulfilled', value: await predictor.predict('1:1') })
    await predictor.close()
  })

  it('rejects a query whose numbers overflow, and answers the others of its batch', async () => {
    const data = [
      '--train',
      path('xmc.txt'),
      '--format',
      'xmc',
      '--features',
      'given',
      '--no-normalise',
      '--max-steps',
      '2',
    ]
    const { code } = await widehead(['train', ...data, '--hidden', '8', '--embedding', '8', '--out', path('given')])
    expect(code).toBe(0)
    const predictor = await createPredictor(path('given'))
    const huge = ['3e38', '-3e38'].map((value) => Array.from({ length: 20 }, (_, i) => `${i}:${value}`).join(' '))
    const lines = ['1:1', huge[0], '2:1 3:0.5', '0:2', huge[1]]
    const settled = await Promise.allSettled(lines.map((line) => predictor.predict(line)))
    expect(settled.map(({ status }) => status)).toEqual(
      lines.map((line) => (huge.includes(line) ? 'rejected' : 'fulfilled')),
    )
    for (const { reason } of settled.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ name: 'WideheadError', code: 'WIDEHEAD_DATA' })
      expect(reason.message).toContain('query:1: ')
      expect(reason.message).not.toContain('hidden')
    }
    expect((settled[3] as PromiseFulfilledResult<unknown>).value).toEqual(await predictor.predict('0:2'))
    await predictor.close()
  })

  it('refuses what is no query', async () => {
    const predictor = await createPredictor(path('sets'))
    await expect(predictor.predict(5 as never)).rejects.toMatchObject({ code: 'WIDEHEAD_INVALID_TYPE' })
    await expect(predictor.predict('u', null as never)).rejects.toMatchObject({ code: 'WIDEHEAD_INVALID_TYPE' })
    await expect(predictor.predict('u', { top: 0 })).rejects.toMatchObject({ code: 'WIDEHEAD_OUT_OF_RANGE' })
    await predictor.close()
  })

  it('answers what was asked before it is closed, and nothing after', async () => {
    const predictor = await createPredictor(path('sets'))
    const asked = Array.from({ length: 20 }, () => predictor.predict('u g1i1'))
    await predictor.close()
    expect(new Set((await Promise.all(asked)).map((answer) => JSON.stringify(answer))).size).toBe(1)
    await expect(predictor.predict('u')).rejects.toMatchObject({ code: 'WIDEHEAD_CLOSED' })
    await predictor.close()
  })

  it.each([
    [{ top: 0 }, 'WIDEHEAD_OUT_OF_RANGE'],
    [{ batch: 0 }, 'WIDEHEAD_OUT_OF_RANGE'],
    [{ threads: 0 }, 'WIDEHEAD_OUT_OF_RANGE'],
    [{ approximate: true }, 'WIDEHEAD_USAGE'],
    [{ approximate: 'x' as never }, 'WIDEHEAD_INVALID_TYPE'],
    [{ approximate: null as never }, 'WIDEHEAD_INVALID_TYPE'],
    [{ approximate: 0 }, 'WIDEHEAD_OUT_OF_RANGE'],
    [{ approximate: -5 }, 'WIDEHEAD_OUT_OF_RANGE'],
    [{ approximate: 2.5 }, 'WIDEHEAD_OUT_OF_RANGE'],
    [{ approximate: Number.NaN }, 'WIDEHEAD_OUT_OF_RANGE'],
  ])('refuses the options %o', async (options, code) => {
    await expect(createPredictor(path('sets'), options)).rejects.toMatchObject({ code })
  })

  it('searches approximately where the head can', async () => {
    const predictor = await createPredictor(path('xmc'), { approximate: true })
    const { predictions } = await predictor.predict('1:1')
    expect(predictions[0]).toEqual({ class: expect.any(Number), logit: expect.any(Number) })
    await predictor.close()
  })

  it('needs a model', async () => {
    const error = { name: 'TypeError', code: 'WIDEHEAD_INVALID_TYPE', message: expect.stringContaining('folder') }
    await expect(createPredictor(3 as never)).rejects.toMatchObject(error)
    await expect(createPredictor(path('nowhere'))).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
  })
})
