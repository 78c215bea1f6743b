// Each head from end to end: train, then evaluate and predict with what was saved; and what a person gets wrong about them.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { HEAD_NAMES, HEAD_OPTIONS, HEADS, type HeadName } from '../../lib/cli/heads.js'
import { flagOf } from '../../lib/cli/run.js'
import { temporaryFolder } from '../data/helpers.js'
import { CORPORA, jsonLines, lastScores, widehead } from './helpers.js'

const folder = temporaryFolder()
const path = (name: string) => join(folder, name)
for (const [name, content] of Object.entries(CORPORA)) writeFileSync(path(`${name}.txt`), content)

const softmaxHeads = HEAD_NAMES.filter((name) => 'loss' in HEADS[name])

/** Options that are not the defaults; small tables, so that the few classes are found among others that are not. */
const OPTIONS: Partial<Record<HeadName, string[]>> = {
  bulk: ['--shortlist', '5', '--retrieved', '20', '--retrieved-per-example', '3', '--tables', '8', '--sampled', '10'],
  softmax: ['--head-optimizer', 'adam', '--head-learning-rate', '0.05'],
  sampled: ['--samples', '20', '--power', '0.5', '--head-optimizer', 'sgd', '--head-learning-rate', '5'],
  wta: ['--permutations', '32', '--window', '4', '--codes-per-table', '2', '--candidates', '8', '--rehash-every', '5'],
  lsh: [
    '--samples',
    '16',
    '--tables',
    '8',
    '--hashes-per-table',
    '3',
    '--correction',
    '--augment',
    '--range-power',
    '8',
  ],
}

function train(head: HeadName, corpus: keyof typeof CORPORA, out: string, ...more: string[]) {
  const data = ['--train', path(`${corpus}.txt`), '--valid', path(`${corpus}.txt`), '--format', corpus]
  const network = ['--hidden', '16', '--epochs', '20', '--batch', '20', '--bias']
  return widehead(['train', ...data, '--out', path(out), ...network, '--head', head, ...more])
}

const scoresOf = (out: string) => lastScores(readFileSync(path(`${out}/metrics.jsonl`), 'utf8'))

const config = (out: string) => JSON.parse(readFileSync(path(`${out}/config.json`), 'utf8'))

// What docs/training.md says of the defaults.
test.each<[keyof typeof CORPORA, string[], HeadName]>([
  ['text', [], 'sampled'],
  ['xmc', [], 'sampled'],
  ['sets', [], 'exact'],
  ['sequences', ['--hidden', 'none'], 'sampled'],
  ['sequences', ['--hidden', 'none', '--alpha', '2'], 'exact'],
  ['xmc', ['--loss', 'z-loss'], 'exact'],
  ['sets', ['--head', 'softmax'], 'softmax'],
])('%s %j: the head is %s %s', async (corpus, args, head) => {
  const network = ['--hidden', '16', '--embedding', '16', '--epochs', '1']
  const data = ['--train', path(`${corpus}.txt`), '--format', corpus, '--out', path('default'), '--overwrite']
  expect((await widehead(['train', ...data, ...network, ...args])).code).toBe(0)
  expect(config('default').network.head).toBe(head)
})

describe.each(softmaxHeads)('--head %s', (head) => {
  const own = OPTIONS[head] ?? ['--head-learning-rate', '0.3']

  it('trains', async () => {
    const { code, stderr } = await train(head, 'xmc', head, ...own)
    expect([code, stderr]).toEqual([0, expect.stringContaining(`${head} head`)])
    expect(scoresOf(head)['p@1']).toBeGreaterThan(0.9)
  })

  it('keeps its options with the model, its loss being its own', () => {
    const { network, training } = config(head)
    expect(network).toMatchObject({ head, loss: null })
    const given = own.filter((word) => HEAD_OPTIONS.some(({ name }) => flagOf(name) === word))
    expect(Object.keys(network.headOptions).map(flagOf).sort()).toEqual(given.sort())
    expect(training.headOptimizer).toBe(
      own.includes('--head-optimizer') ? own[own.indexOf('--head-optimizer') + 1] : 'adagrad',
    )
  })

  it('evaluates to the same metrics once it is loaded', async () => {
    const { code, stdout } = await widehead(['evaluate', '--model', path(head), '--data', path('xmc.txt'), '--json'])
    expect(code).toBe(0)
    const scores = JSON.parse(stdout)
    expect(Object.keys(scores)).toEqual(Object.keys(scoresOf(head)))
    for (const [metric, value] of Object.entries(scores)) expect(value).toBeCloseTo(scoresOf(head)[metric], 5)
  })

  it('predicts, with probabilities that are those of its loss', async () => {
    const { code, stdout } = await widehead(['predict', '--model', path(head), '--top', '40'], '4:1\n7:1\n')
    expect(code).toBe(0)
    const answers = jsonLines(stdout)
    const best = answers.map(({ predictions }) => predictions.slice(0, 2).map((p: { class: number }) => p.class))
    expect(best.map((classes: number[]) => classes.sort((a, b) => a - b))).toEqual([
      [4, 24],
      [7, 27],
    ])
    for (const { predictions } of answers) {
      const sum = predictions.reduce((total: number, p: { probability: number }) => total + p.probability, 0)
      expect(sum).toBeCloseTo(1, 4) // all 40 classes
    }
  })
})

describe('hierarchical', () => {
  it('finds its tree again: another model with other counts has another', async () => {
    // Class w29 is frequent here, so that its path in the tree is short.
    writeFileSync(path('skewed.txt'), `${CORPORA.text}\n${'w28 w29 '.repeat(500)}`)
    const data = ['--train', path('skewed.txt'), '--valid', path('text.txt'), '--format', 'text', '--context', '1']
    const network = ['--embedding', '8', '--hidden', '16', '--epochs', '3', '--batch', '50', '--head', 'hierarchical']
    await widehead(['train', ...data, '--out', path('skewed'), ...network, '--head-learning-rate', '0.3'])
    const evaluate = async () => {
      const { stdout } = await widehead(['evaluate', '--model', path('skewed'), '--data', path('text.txt'), '--json'])
      return JSON.parse(stdout)
    }
    const scores = await evaluate()
    expect(scores).toEqual(scoresOf('skewed'))
    expect(scores.perplexity).toBeLessThan(3) // 30 words in a ring: a tree of other counts would scramble the rows
  })
})

describe('--approximate', () => {
  it.each(['wta', 'lsh'] as const)('ranks by the search of %s', async (head) => {
    const args = ['--model', path(head), '--approximate']
    const { code, stdout } = await widehead(['predict', ...args, '--top', '2'], '4:1\n')
    expect(code).toBe(0)
    const [{ predictions }] = jsonLines(stdout)
    expect(predictions.map((p: { class: number }) => p.class).sort()).toEqual([24, 4])
    expect(predictions[0].probability).toBeUndefined()
    const evaluated = await widehead(['evaluate', ...args, '20', '--data', path('xmc.txt'), '--json'])
    expect(evaluated.code).toBe(0)
    expect(JSON.parse(evaluated.stdout)['p@1']).toBeGreaterThan(0.8)
    expect(JSON.parse(evaluated.stdout).loss).toBeCloseTo(scoresOf(head).loss, 5)
  })

  it.each(['softmax', 'hierarchical'] as const)('is refused for %s, which has none', async (head) => {
    const { code, stderr } = await widehead(['predict', '--model', path(head), '--approximate'], '4:1\n')
    expect(code).toBe(2)
    expect(stderr).toMatch(/^widehead: --approximate is for models whose head is one of wta, lsh; .* is (softmax|hier)/)
  })
})

describe('mistakes about heads', () => {
  // Found before data are read: the file is not there.
  it.each<[string[], RegExp]>([
    [['--head', 'mlp'], /Allowed choices are exact, dense, bulk, softmax, sampled, hierarchical, wta, lsh/],
    [['--head', 'exact', '--samples', '5'], /--samples is no option of the head exact, but of sampled, lsh/],
    [
      ['--head', 'bulk', '--head-optimizer', 'adam'],
      /--head-optimizer adam is not for the head bulk, .* by sgd or adagrad/,
    ],
    [['--head', 'softmax', '--shortlist', '5'], /--shortlist is no option of the head softmax, but of bulk/],
    [['--head', 'wta', '--tables', '5'], /--tables is no option of the head wta, but of bulk, lsh/],
    [
      ['--head', 'hierarchical', '--per-example'],
      /--per-example is no option of the head hierarchical, but of wta, lsh/,
    ],
    [
      ['--head', 'exact', '--head-optimizer', 'adam'],
      /--head-optimizer adam is not for the head exact, which is trained by SGD/,
    ],
    [
      ['--head', 'softmax', '--loss', 'z-loss'],
      /--loss z-loss is none of the head softmax, which has its own \(softmax\)/,
    ],
    [['--head', 'softmax', '--alpha', '1'], /--alpha is no parameter of the loss softmax/],
    [['--loss', 'softmax'], /--loss softmax is none of the head exact: .* one of softmax, sampled, wta, lsh/],
    [['--head', 'sampled', '--samples', '0'], /--samples must be at least 1, got 0/],
    [['--head', 'sampled', '--power', 'x'], /--power must be a number, got x/],
    [['--head', 'lsh', '--hash', 'md5'], /Allowed choices are simhash, dwta/],
  ])('%j', async (args, message) => {
    const { code, stderr } = await widehead(['train', '--train', path('none'), '--out', path('out'), ...args])
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })

  // Found by the head once the number of classes is known; the model that is there stays.
  it.each<[HeadName, string[], RegExp]>([
    ['wta', ['--window', '3'], /--head wta: window must be a power of two, got 3/],
    ['wta', ['--window', '64'], /--head wta: window must be at most the length of the hashed vectors, 17, got 64/],
    ['wta', ['--union-limit', '9', '--per-example'], /--head wta: unionLimit needs candidates that all examples share/],
    ['lsh', ['--correction', '--per-example'], /--head lsh: correction needs candidates that all examples share/],
    ['sampled', ['--sampler', 'uniform', '--power', '0.5'], /--head sampled: power needs sampler: 'unigram'/],
  ])('%s %j', async (head, args, message) => {
    const { code, stderr } = await train(head, 'xmc', head, '--overwrite', ...args)
    expect(stderr.trim().split('\n').at(-1)).toMatch(message)
    expect(code).toBe(2)
    expect((await widehead(['evaluate', '--model', path(head), '--data', path('xmc.txt')])).code).toBe(0)
  })

  it.each<[string, unknown, RegExp]>([
    ['head', 'mlp', /network.head must be one of exact, .*, got "mlp"/],
    ['head', 'exact', /network.headOptions.samples is no option of the head exact/],
    ['headOptions', { samples: 'all' }, /network.headOptions.samples must be a number, got "all"/],
    ['', { head: 'lsh', headOptions: {} }, /holds a head of the kind sampled, expected lsh/],
    [
      'loss',
      { name: 'z-loss', parameters: {} },
      /network.loss must be null, as the head has its own, for the head sampled/,
    ],
  ])('a saved model whose %s is %j', async (key, value, message) => {
    const file = path('sampled/config.json')
    const whole = readFileSync(file, 'utf8')
    const changed = JSON.parse(whole)
    Object.assign(changed.network, key ? { [key]: value } : value)
    writeFileSync(file, JSON.stringify(changed))
    const { code, stderr } = await widehead(['evaluate', '--model', path('sampled'), '--data', path('xmc.txt')])
    writeFileSync(file, whole)
    expect(stderr).toMatch(message)
    expect(code).toBe(4)
  })
})

test('help names each head with its cost, and each option with the heads that have it', async () => {
  const { stdout } = await widehead(['train', '--help'])
  const heads = stdout.slice(stdout.indexOf('\nHeads (')).split(/\n {2}(?=\w)/)
  for (const name of HEAD_NAMES) {
    const entry = heads.find((text) => text.startsWith(`${name} `))
    expect(entry).toMatch(/O\([^)]*d[^)]*\)/)
  }
  for (const { name } of HEAD_OPTIONS) expect(stdout).toContain(`${flagOf(name)} `)
})
