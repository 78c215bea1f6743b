// Each format from end to end: train, then evaluate and predict with what was saved.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../data/helpers.js'
import { CORPORA, jsonLines, lastScores, widehead } from './helpers.js'

const folder = temporaryFolder()
const FILES = Object.fromEntries(
  Object.entries(CORPORA).map(([name, content]) => {
    const path = join(folder, `${name}.txt`)
    writeFileSync(path, content)
    return [name, path]
  }),
)

// Rates of their own: the defaults are for larger data.
const rates = (learningRate: number, head: number) => [
  ...['--optimizer', 'adagrad', '--learning-rate', String(learningRate), '--head-learning-rate', String(head)],
]

const CASES = {
  text: {
    options: ['--format', 'text', '--context', '2', '--epochs', '5', '--batch', '50'],
    rates: rates(0.05, 1),
    metric: 'top1',
    above: 0.9,
  },
  sequences: { options: ['--epochs', '10', '--batch', '50'], rates: rates(0.3, 5), metric: 'mrr@20', above: 0.8 },
  sets: {
    options: ['--format', 'sets', '--epochs', '20', '--batch', '20'],
    rates: rates(0.1, 10),
    metric: 'recall@20',
    above: 0.9,
  },
  xmc: { options: ['--epochs', '20', '--batch', '20'], rates: rates(0.1, 0.2), metric: 'p@1', above: 0.9 },
}

const QUERIES = {
  text: { line: 'w3 w4', best: ['w5'] },
  sequences: { line: 's7 s8 s9', best: ['s10'] },
  sets: { line: '? g3i0 g3i1 g3i2', best: ['g3i3', 'g3i4', 'g3i5', 'g3i6', 'g3i7'] },
  xmc: { line: '4:1', best: [4, 24] },
}

const options = (name: keyof typeof CASES, out: string) => [
  ...['train', '--train', FILES[name], '--out', join(folder, out), '--hidden', name === 'sequences' ? 'none' : '32'],
  ...['--head', 'exact'],
  ...(name === 'text' || name === 'sequences' ? ['--embedding', '16'] : []),
  ...CASES[name].options,
  ...CASES[name].rates,
]

describe.each(Object.keys(CASES) as (keyof typeof CASES)[])('%s', (name) => {
  const model = join(folder, name)
  // Held-out sets: two more items of owners known from the training file.
  const test = join(folder, `${name}.test`)
  writeFileSync(
    test,
    name === 'sets' ? Array.from({ length: 50 }, (_, i) => `${i} g${i % 10}i${(i + 6) % 8}`).join('\n') : CORPORA[name],
  )

  it('trains', async () => {
    const { code, stdout, stderr } = await widehead([...options(name, name), '--valid', test])
    expect(stderr).toMatch(new RegExp(`saved in ${model}`))
    expect([code, stdout]).toEqual([0, ''])
    const expected = ['checkpoints', 'config.json', 'metrics.jsonl', 'statistics.safetensors']
    expect(readdirSync(model).sort()).toEqual(name === 'xmc' ? expected : [...expected, 'vocabulary.txt'])
    const log = jsonLines(readFileSync(join(model, 'metrics.jsonl'), 'utf8'))
    expect(log[0].kind).toBe('start')
    expect(log.filter(({ kind }) => kind === 'evaluation').length).toBe(Number(CASES[name].options.at(-3)))
    expect(log.at(-1)).toMatchObject({ kind: 'end', stopped: false })
    expect(log.at(-1)[CASES[name].metric]).toBeGreaterThan(CASES[name].above)
  })

  it('evaluates to the same metrics, as JSON or as a table', async () => {
    const history = name === 'sets' ? ['--history', FILES.sets] : []
    const args = ['evaluate', '--model', model, '--data', test, ...history]
    const { code, stdout } = await widehead([...args, '--json'])
    expect(code).toBe(0)
    const scores = JSON.parse(stdout)
    const logged = lastScores(readFileSync(join(model, 'metrics.jsonl'), 'utf8'))
    expect(Object.keys(scores)).toEqual(Object.keys(logged))
    for (const [metric, value] of Object.entries(logged)) expect(scores[metric]).toBeCloseTo(value, 4)
    expect((await widehead(args)).stdout).toContain(`${CASES[name].metric.padEnd(5)}`)
    const piped = await widehead([...args.slice(0, 4), '-', ...args.slice(5), '--json'], readFileSync(test, 'utf8'))
    expect(piped.stdout).toBe(stdout)
  })

  it('predicts', async () => {
    const { line, best } = QUERIES[name]
    const { code, stdout } = await widehead(
      ['predict', '--model', model, '--top', String(best.length)],
      `${line}\n${line}`,
    )
    expect(code).toBe(0)
    const answers = jsonLines(stdout)
    expect(answers.map((answer) => answer.line)).toEqual([1, 2])
    const predictions: { class: string | number; logit: number }[] = answers[0].predictions
    // The best classes are equally good: which comes first among them is a matter of the last bit.
    expect(predictions.map((prediction) => prediction.class).sort()).toEqual([...best].sort())
    const logits = predictions.map((prediction) => prediction.logit)
    expect(logits).toEqual([...logits].sort((a, b) => b - a))
  })
})

describe('training', () => {
  const config = (out: string) => readFileSync(join(folder, out, 'config.json'), 'utf8')
  const weights = (out: string) =>
    ['trunk', 'head.rows'].map((name) => {
      const newest = readFileSync(join(folder, out, 'checkpoints/latest'), 'utf8').trim()
      return readFileSync(join(folder, out, 'checkpoints', newest, `${name}.safetensors`)).toString('latin1')
    })

  it('gives the same bits for the same seed: from a file, a gzip file and standard input', async () => {
    const args = ['--hidden', '8', '--epochs', '2', '--format', 'sets', '--seed', '5']
    const packed = join(folder, 'packed.gz')
    writeFileSync(packed, gzipSync(CORPORA.sets))
    await widehead(['train', '--train', FILES.sets, '--out', join(folder, 'one'), ...args])
    await widehead(['train', '--train', packed, '--out', join(folder, 'two'), ...args])
    await widehead(['train', '--train', '-', '--out', join(folder, 'three'), ...args], CORPORA.sets)
    expect(weights('two')).toEqual(weights('one'))
    expect(weights('three')).toEqual(weights('one'))
    expect(config('three')).toEqual(config('one'))
    await widehead(['train', '--train', FILES.sets, '--out', join(folder, 'four'), ...args, '--seed', '6'])
    expect(weights('four')).not.toEqual(weights('one'))
  })

  it('trains dense heads as it trains exact ones', async () => {
    for (const head of ['exact', 'dense']) {
      const out = join(folder, `head-${head}`)
      const args = ['train', '--train', FILES.xmc, '--out', out, '--hidden', '16', '--epochs', '3', '--batch', '20']
      expect((await widehead([...args, '--head', head, '--bias', '--valid', FILES.xmc])).code).toBe(0)
    }
    const last = (head: string) =>
      jsonLines(readFileSync(join(folder, `head-${head}`, 'metrics.jsonl'), 'utf8')).at(-1).loss as number
    expect(last('exact')).toBeCloseTo(last('dense'), 4)
  })

  it('logs the seconds of training apart from those of evaluating and saving', async () => {
    const out = join(folder, 'clock')
    const args = ['--hidden', '16', '--epochs', '4', '--batch', '20', '--eval-every', '5', '--valid', FILES.xmc]
    await widehead(['train', '--train', FILES.xmc, '--out', out, ...args])
    const log = jsonLines(readFileSync(join(out, 'metrics.jsonl'), 'utf8'))
    const clocked = log.filter(({ kind }) => kind === 'evaluation' || kind === 'end')
    expect(clocked.length).toBeGreaterThan(10)
    const training = clocked.map(({ trainingSeconds }) => trainingSeconds)
    expect(training).toEqual([...training].sort((a, b) => a - b))
    for (const line of clocked) expect(line.trainingSeconds).toBeLessThanOrEqual(line.seconds)
    expect(training.at(-1)).toBeLessThan(clocked.at(-1).seconds)
  })

  it.each(['squared-error', 'weighted-squared-error', 'spherical-softmax', 'taylor-softmax', 'z-loss'])(
    'knows the loss %s',
    async (loss) => {
      const out = join(folder, loss)
      const args = [
        'train',
        '--train',
        FILES.text,
        '--format',
        'text',
        '--valid',
        FILES.text,
        '--out',
        out,
        '--epochs',
        '1',
      ]
      const { code, stderr } = await widehead([...args, '--hidden', '16', '--embedding', '8', '--loss', loss])
      expect([code, stderr]).toEqual([0, expect.stringContaining(loss)])
      const scores = jsonLines(readFileSync(join(out, 'metrics.jsonl'), 'utf8')).at(-1)
      expect('perplexity' in scores).toBe(loss.endsWith('softmax'))
    },
  )
})

it('leaves out what examples of unknown items alone do not tell', async () => {
  const model = join(folder, 'small')
  const small = ['--format', 'sets', '--hidden', '8', '--epochs', '1']
  await widehead(['train', '--train', FILES.sets, '--out', model, ...small])
  const unknown = join(folder, 'unknown.txt')
  writeFileSync(unknown, 'u1 new1 new2\nu2 new3\n')
  const { code, stdout } = await widehead(['evaluate', '--model', model, '--data', unknown, '--json'])
  expect([code, JSON.parse(stdout)]).toEqual([0, { examples: 2, 'recall@20': 0, 'ndcg@20': 0 }])
})
