// train() with `distributed`: the losses, scores and model of one rank, and mistakes that no rank waits over.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createPredictor, type MetricsLine, type TrainOptions, train } from '../../lib/index.js'
import { CORPORA, jsonLines } from '../cli/helpers.js'
import { temporaryFolder } from '../data/helpers.js'
import { opened } from './helpers.js'

const folder = temporaryFolder()
const { group } = opened()
const sets = join(folder, 'sets')
writeFileSync(sets, CORPORA.sets)

const options = (out: string): TrainOptions => ({
  ...{ data: sets, valid: sets, out: join(folder, out), format: 'sets', head: 'exact', hidden: [8] },
  ...{ epochs: 3, batch: 33, logEvery: 1, schedule: 'constant', headLearningRate: 1 },
})
const together = (size: number, own: (rank: number) => TrainOptions) =>
  Promise.allSettled(group(size).map((distributed, rank) => train({ ...own(rank), distributed })))
const stepsOf = (lines: readonly MetricsLine[]) => lines.filter(({ kind }) => kind === 'step')

describe('train() on several ranks', () => {
  test.each([1, 2, 3])('%i: what one comes to', async (size) => {
    const alone: MetricsLine[] = []
    const expected = await train({ ...options(`alone ${size}`), onMetrics: (line) => alone.push(line) })
    const lines = Array.from({ length: size }, (): MetricsLine[] => [])
    const out = `together ${size}`
    const results = await together(size, (rank) => ({
      ...options(out),
      // Records are as good as a file, as long as all ranks have the same.
      ...(rank === 1 && { data: CORPORA.sets.split('\n').filter(Boolean) }),
      onMetrics: (line) => lines[rank].push(line),
    }))
    for (const [rank, result] of results.entries()) {
      expect(result).toMatchObject({ status: 'fulfilled', value: { step: expected.step, stopped: false } })
      const scores = (result as PromiseFulfilledResult<{ scores: object }>).value.scores
      for (const [name, value] of Object.entries(expected.scores ?? {})) {
        expect(scores[name as keyof typeof scores], name).toBeCloseTo(value, 4)
      }
      expect(stepsOf(lines[rank]).map(({ step }) => step)).toEqual(stepsOf(alone).map(({ step }) => step))
      for (const [i, { loss }] of stepsOf(lines[rank]).entries()) {
        const truth = stepsOf(alone)[i].loss as number
        expect(Math.abs((loss as number) - truth)).toBeLessThan(1e-5 * Math.max(1, truth))
      }
    }
    // One rank writes the metrics, and the model is one like any other.
    const logged = jsonLines(readFileSync(join(folder, out, 'metrics.jsonl'), 'utf8'))
    expect(logged.filter(({ kind }) => kind === 'start')).toHaveLength(1)
    expect(logged.filter(({ kind }) => kind === 'step')).toHaveLength(expected.step)
    const predictor = await createPredictor(join(folder, out))
    expect((await predictor.predict('x g1i1 g1i2')).predictions).toHaveLength(10)
    await predictor.close()
  })

  test.each<[string, (rank: number) => Partial<TrainOptions>, object, object]>([
    [
      'other options',
      (rank) => ({ epochs: 3 + rank }),
      { code: 'WIDEHEAD_DISTRIBUTED' },
      { code: 'WIDEHEAD_DISTRIBUTED' },
    ],
    [
      'other data',
      (rank) => (rank === 1 ? { data: CORPORA.sets.split('\n').slice(1) } : {}),
      { code: 'WIDEHEAD_DISTRIBUTED', message: /^rank 1 has other options or training data than rank 0$/ },
      { code: 'WIDEHEAD_DISTRIBUTED' },
    ],
    [
      'no data',
      (rank) => (rank === 1 ? { data: join(folder, 'none') } : {}),
      { code: 'WIDEHEAD_FILE', message: /^rank 1 cannot: cannot read .*none/ },
      { code: 'WIDEHEAD_FILE', message: /^cannot read .*none/ },
    ],
    [
      'no folder',
      () => ({ out: join(sets, 'model') }),
      { code: 'WIDEHEAD_FILE', message: /^cannot make the folder/ },
      { code: 'WIDEHEAD_FILE', message: /^rank 0 cannot: cannot make the folder/ },
    ],
    [
      'another folder',
      (rank) => (rank === 1 ? { out: join(folder, 'elsewhere') } : {}),
      {
        code: 'WIDEHEAD_FILE',
        message: /^rank 1 cannot: cannot write in .*elsewhere: rank 0 writes to another folder$/,
      },
      { code: 'WIDEHEAD_FILE', message: /^cannot write in .*elsewhere/ },
    ],
    ['a head for one rank', () => ({ head: 'dense' }), { code: 'WIDEHEAD_USAGE' }, { code: 'WIDEHEAD_USAGE' }],
    [
      'rows in a file',
      () => ({ storageFile: join(folder, 'rows') }),
      { code: 'WIDEHEAD_USAGE', message: /--storage-file is for one rank/ },
      { code: 'WIDEHEAD_USAGE' },
    ],
  ])('%s: refused on all before the first step', async (name, own, first, second) => {
    const results = await together(2, (rank) => ({ ...options(`refused ${name}`), ...own(rank) }))
    expect(results).toMatchObject([{ reason: first }, { reason: second }])
    for (const out of [`refused ${name}`, 'elsewhere']) expect(existsSync(join(folder, out))).toBe(false)
  })

  test('a signal on one rank stops all after the same step, and resume goes on', async () => {
    const out = 'stopped'
    const controller = new AbortController()
    const more = (rank: number): TrainOptions => ({
      ...options(out),
      epochs: 500,
      ...(rank === 1 && {
        signal: controller.signal,
        onMetrics: ({ kind, step }) => {
          if (kind === 'step' && step === 5) controller.abort()
        },
      }),
    })
    const [first, second] = (await together(2, more)) as PromiseFulfilledResult<{ step: number; stopped: boolean }>[]
    expect(first.value).toMatchObject({ stopped: true, step: second.value.step })
    expect(second.value.stopped).toBe(true)
    const { step } = first.value
    expect(step).toBeGreaterThanOrEqual(5)
    const rest = await train({ ...options(out), epochs: 4 + Math.ceil(step / 3), resume: true })
    expect(rest.step).toBeGreaterThan(step)
  })

  test('distributed must come from mpi()', async () => {
    await expect(train({ ...options('wrong'), distributed: {} as never })).rejects.toMatchObject({
      code: 'WIDEHEAD_INVALID_TYPE',
    })
  })
})
