// train(): what the command does, from a program.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createPredictor, type MetricsLine, train } from '../../lib/index.js'
import { CORPORA, jsonLines, widehead } from '../cli/helpers.js'
import { temporaryFolder } from '../data/helpers.js'

const folder = temporaryFolder()
const path = (name: string) => join(folder, name)
for (const name of ['sets', 'xmc', 'text'] as const) writeFileSync(path(name), CORPORA[name])

const weights = (out: string) => {
  const newest = readFileSync(join(out, 'checkpoints/latest'), 'utf8').trim()
  const bytes = readFileSync(join(out, 'checkpoints', newest, 'head.rows.safetensors'))
  return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0))).toString('latin1')
}

describe('train', () => {
  const options = { format: 'sets', hidden: [8], epochs: 2, head: 'exact' } as const

  it('gives the bits of the command, from a file, an array, parts, or an async iterable', async () => {
    const args = ['--format', 'sets', '--hidden', '8', '--epochs', '2', '--head', 'exact']
    await widehead(['train', '--train', path('sets'), '--out', path('command'), ...args])
    const lines = CORPORA.sets.split('\n').filter(Boolean)
    async function* slowly() {
      for (const line of lines) {
        if (Math.random() < 0.01) await new Promise((resolve) => setImmediate(resolve))
        yield line
      }
    }
    const forms = {
      file: path('sets'),
      files: { files: [path('sets')] },
      lines,
      parts: lines.map((line) => line.split(' ')),
      slowly: slowly(),
    }
    for (const [name, data] of Object.entries(forms)) {
      const result = await train({ data, out: path(name), ...options })
      expect(result).toEqual({ out: path(name), step: result.step, stopped: false, scores: undefined })
      expect(weights(path(name)) === weights(path('command')), name).toBe(true)
    }
  })

  it('reads tables, whose columns are an object', async () => {
    const rows = CORPORA.sets.split('\n').flatMap((line) => {
      const [user, ...items] = line.split(' ')
      return items.map((item) => `${user},${item}`)
    })
    writeFileSync(path('sets.csv'), `who,what\n${rows.join('\n')}\n`)
    const table = await train({
      data: path('sets.csv'),
      columns: { user: 'who', item: 'what' },
      out: path('table'),
      ...options,
    })
    const lines = await train({ data: path('sets'), out: path('lines-again'), ...options })
    expect(table.step).toBe(lines.step)
    expect(jsonLines(readFileSync(join(path('table'), 'metrics.jsonl'), 'utf8'))[0].data).toEqual(
      jsonLines(readFileSync(join(path('lines-again'), 'metrics.jsonl'), 'utf8'))[0].data,
    )
  })

  it('takes parts with white space where the format can hold them', async () => {
    const data = Array.from({ length: 300 }, (_, i) => [`u ${i}`, `item ${i % 7}`, `item ${(i + 1) % 7}`, 5])
    const { out } = await train({ data, out: path('spaced'), ...options })
    expect(readFileSync(join(out, 'vocabulary.txt'), 'utf8').trimEnd().split('\n').sort()).toEqual(
      ['5', ...Array.from({ length: 7 }, (_, i) => `item ${i}`)].sort(),
    )
  })

  it('takes a first part that begins with a bracket for what it is', async () => {
    const data = Array.from({ length: 9 }, () => ['["a",', '"b"]', 12345678901234567890n])
    const { out } = await train({ data, out: path('brackets'), format: 'sequences', embedding: 4, epochs: 1 })
    expect(readFileSync(join(out, 'vocabulary.txt'), 'utf8')).toBe('["a",\n"b"]\n12345678901234567890\n')
  })

  it('tells each line of metrics.jsonl, and the scores', async () => {
    const told: MetricsLine[] = []
    const lines = CORPORA.sets.split('\n').filter(Boolean)
    const result = await train({
      data: lines,
      valid: lines,
      out: path('told'),
      ...options,
      logEvery: 1,
      onMetrics: (line) => told.push(line),
    })
    expect(JSON.parse(JSON.stringify(told))).toEqual(
      jsonLines(readFileSync(join(path('told'), 'metrics.jsonl'), 'utf8')),
    )
    expect(told.map(({ kind }) => kind)).toContain('evaluation')
    expect(result.scores).toMatchObject({ loss: expect.any(Number) })
    const predictor = await createPredictor(result.out)
    expect((await predictor.predict(lines[0])).predictions.length).toBe(10)
    await predictor.close()
  })

  it('saves and ends when it is aborted, and goes on from there', async () => {
    const whole = await train({ data: path('sets'), out: path('whole'), ...options, epochs: 4 })
    const controller = new AbortController()
    const onMetrics = ({ kind, step }: MetricsLine) => {
      if (kind === 'step' && step === 3) controller.abort()
    }
    const call = { data: path('sets'), out: path('aborted'), ...options, epochs: 4, logEvery: 1 }
    const stopped = await train({ ...call, signal: controller.signal, onMetrics })
    expect(stopped).toMatchObject({ step: 3, stopped: true })
    const resumed = await train({ ...call, resume: true })
    expect(resumed).toMatchObject({ step: whole.step, stopped: false })
    expect(weights(path('aborted')) === weights(path('whole'))).toBe(true)
  })

  it('rejects with the reason of a signal before the first step', async () => {
    const reason = new Error('enough')
    const call = { data: path('sets'), out: path('never'), ...options, signal: AbortSignal.abort(reason) }
    await expect(train(call)).rejects.toBe(reason)
    expect(existsSync(path('never'))).toBe(false)
  })

  it('keeps what was trained when a callback throws', async () => {
    const onMetrics = ({ step }: MetricsLine) => {
      if (step === 2) throw new Error('mine')
    }
    await expect(
      train({ data: path('sets'), out: path('thrown'), ...options, logEvery: 1, onMetrics }),
    ).rejects.toThrow('mine')
    const result = await train({ data: path('sets'), out: path('thrown'), ...options, logEvery: 1, resume: true })
    expect(result.stopped).toBe(false)
  })

  it('leaves the old model where the call is wrong, and saves nothing before the first step', async () => {
    const call = { data: path('sets'), out: path('old'), ...options, overwrite: true }
    await train(call)
    const before = weights(path('old'))
    await expect(train({ ...call, onMetrics: 'log' as never })).rejects.toMatchObject({ code: 'WIDEHEAD_INVALID_TYPE' })
    expect(weights(path('old')) === before).toBe(true)
    const onMetrics = () => {
      throw new Error('at once')
    }
    await expect(train({ ...call, out: path('at-once'), onMetrics })).rejects.toThrow('at once')
    expect(existsSync(join(path('at-once'), 'checkpoints'))).toBe(false)
  })

  it('passes settings of formats and options of heads on', async () => {
    const data = path('text')
    const result = await train({
      data,
      out: path('text-model'),
      format: 'text',
      hidden: [],
      embedding: 8,
      epochs: 1,
      lowercase: false,
      minCount: 1,
      head: 'sampled',
      samples: 5,
    })
    const config = JSON.parse(readFileSync(join(result.out, 'config.json'), 'utf8'))
    expect(config.data.settings).toMatchObject({ lowercase: false, minCount: 1 })
    expect(config.network.headOptions).toEqual({ samples: 5 })
    await expect(train({ data, out: path('text-model'), format: 'text', overwrite: false })).rejects.toMatchObject({
      code: 'WIDEHEAD_USAGE',
    })
  })

  it.each<[object, string, string]>([
    [{ out: undefined }, 'WIDEHEAD_INVALID_TYPE', 'out must be the path of a folder'],
    [{ data: undefined }, 'WIDEHEAD_INVALID_TYPE', 'data must be an object'],
    [{ data: path('nowhere') }, 'WIDEHEAD_FILE', 'no such file'],
    [{ data: [] }, 'WIDEHEAD_DATA', 'no example to train on'],
    [{ data: [5] }, 'WIDEHEAD_INVALID_TYPE', 'data[0] must be a string or an array'],
    [
      { data: {} },
      'WIDEHEAD_INVALID_TYPE',
      'data must be a path, { files }, or an (async) iterable of records, got Object',
    ],
    [{ data: { files: 5 } }, 'WIDEHEAD_INVALID_TYPE', 'data.files must be an array of paths, got number'],
    [{ data: { files: [] } }, 'WIDEHEAD_OUT_OF_RANGE', 'data.files must hold one path or more, got none'],
    [{ data: { files: [5] } }, 'WIDEHEAD_INVALID_TYPE', 'data.files[0] must be a string, got number'],
    [{ valid: {} }, 'WIDEHEAD_INVALID_TYPE', 'valid must be a path'],
    [{ valid: [] }, 'WIDEHEAD_DATA', 'valid: no example to evaluate'],
    [{ data: [['u', null, 'b']] }, 'WIDEHEAD_INVALID_TYPE', 'data[0][1] must be a string or a number, got null'],
    [
      { data: [['u', 'b', undefined]] },
      'WIDEHEAD_INVALID_TYPE',
      'data[0][2] must be a string or a number, got undefined',
    ],
    // biome-ignore lint/suspicious/noSparseArray: a hole is a missing value too
    [{ data: [['u', , 'b']] }, 'WIDEHEAD_INVALID_TYPE', 'data[0][1] must be a string or a number, got undefined'],
    [{ data: [['u', ['b']]] }, 'WIDEHEAD_INVALID_TYPE', 'data[0][1] must be a string or a number, got Array'],
    [{ data: [['u', 2 ** 53]] }, 'WIDEHEAD_OUT_OF_RANGE', 'data[0][1] must be a number below 2^53'],
    [{ data: [['u', Number.NaN]] }, 'WIDEHEAD_OUT_OF_RANGE', 'data[0][1] must be a number'],
    [{ data: ['a b', 'c\nd'] }, 'WIDEHEAD_OUT_OF_RANGE', 'data[1] must be one line'],
    [
      { data: [['a', 'b c']], format: 'text' },
      'WIDEHEAD_OUT_OF_RANGE',
      'data[0] must be of parts without white space, got "b c"',
    ],
    [{ data: [['a', '']] }, 'WIDEHEAD_OUT_OF_RANGE', 'without white space, got ""'],
    [{ batch: 0 }, 'WIDEHEAD_USAGE', "option '--batch <n>' argument '0' is invalid. It must be at least 1."],
    [{ batch: '7x' }, 'WIDEHEAD_USAGE', '--batch'],
    [{ onMetrics: 'log' }, 'WIDEHEAD_INVALID_TYPE', 'onMetrics must be a function, got string'],
    [{ signal: {} }, 'WIDEHEAD_INVALID_TYPE', 'signal must be an AbortSignal, got Object'],
    [{ signal: null }, 'WIDEHEAD_INVALID_TYPE', 'signal must be an AbortSignal, got null'],
    [{ epoch: 3 }, 'WIDEHEAD_USAGE', "unknown option '--epoch=3'"],
    [{ head: 'mlp' }, 'WIDEHEAD_USAGE', 'Allowed choices are'],
    [{ checkpointEvery: '5 minutes' }, 'WIDEHEAD_USAGE', '30s, 10m or 2h'],
    [{ minCount: 1 }, 'WIDEHEAD_USAGE', '--min-count is an option of the format text'],
  ])('refuses %o', async (changes, code, message) => {
    const call = { data: path('sets'), out: path('refused'), ...options, ...changes }
    await expect(train(call as never)).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
    expect(existsSync(path('refused'))).toBe(false)
  })

  it('passes the error of an iterable on', async () => {
    async function* failing() {
      yield 'a b c'
      throw new Error('the database is gone')
    }
    await expect(train({ data: failing(), out: path('failing'), ...options })).rejects.toThrow('the database is gone')
  })
})
