// What a person gets wrong: the exit code, and one line that says what to do.

import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../data/helpers.js'
import { CORPORA, widehead } from './helpers.js'

const folder = temporaryFolder()
const path = (name: string) => join(folder, name)
const model = path('model')

beforeAll(async () => {
  for (const [name, content] of Object.entries(CORPORA)) writeFileSync(path(name), content)
  writeFileSync(path('broken'), '2 3 4\n0 1:1\n9 1:1\n')
  writeFileSync(path('empty'), '')
  writeFileSync(path('single'), '1 a\n2 b\n')
  writeFileSync(path('lone'), 'a\n\nb\n')
  const { code } = await widehead(['train', '--train', path('xmc'), '--out', model, '--hidden', '8', '--epochs', '1'])
  expect(code).toBe(0)
  const small = ['--hidden', 'none', '--embedding', '4', '--epochs', '1']
  await widehead(['train', '--train', path('sequences'), '--out', path('sequences-model'), ...small])
})

const train = (file: string, ...more: string[]) => ['train', '--train', path(file), '--out', path('out'), ...more]

describe('mistakes', () => {
  it.each<[string[], number, RegExp]>([
    [['trian'], 2, /unknown command 'trian'/],
    [['help', 'trian'], 2, /unknown command 'trian'/],
    [['train'], 2, /required option '--train <files...>' not specified/],
    [['evaluate', '--model', 'x'], 2, /required option '--data/],
    [train('xmc', '--epochs', '0'), 2, /--epochs <n>' argument '0' is invalid. It must be at least 1/],
    [train('xmc', '--epochs', '1e3'), 2, /It must be a whole number/],
    [train('xmc', '--learning-rate', 'fast'), 2, /It must be a number/],
    [train('xmc', '--learning-rate', '-1'), 2, /It must be at least 0/],
    [train('xmc', '--alpha', '0', '--loss', 'z-loss'), 2, /It must be above 0/],
    [train('xmc', '--hidden', '300,x'), 2, /--hidden <widths>' argument '300,x' is invalid/],
    [train('xmc', '--loss', 'hinge'), 2, /Allowed choices are squared-error,/],
    [train('xmc', '--head', 'mlp'), 2, /Allowed choices are exact, dense/],
    [train('xmc', '--head', 'exact', '--alpha', '2'), 2, /--alpha is no parameter of the loss squared-error/],
    [train('xmc', '--context', '5'), 2, /--context is an option of the format text, not xmc/],
    [train('xmc', '--no-lowercase'), 2, /--lowercase is an option of the format text, not xmc/],
    [train('text', '--format', 'text', '--context', '0'), 2, /--context must be at least 1, got 0/],
    [train('xmc', '--hidden', 'none'), 2, /--embedding is needed/],
    [train('empty'), 2, /is of no format known .*--format/],
    [
      train('sets', '--out', model, '--format', 'sets'),
      2,
      /already holds a model: pass --resume to go on with it, or --overwrite/,
    ],
    [
      train('xmc', '--out', model, '--overwrite', '--head-learning-rate', '1', '--weight-decay', '1'),
      2,
      /--head-learning-rate times --weight-decay must be below 1, got 1/,
    ],
    [
      train('xmc', '--out', model, '--overwrite', '--learning-rate', '1e39'),
      2,
      /--learning-rate must be at most 3e\+38, got 1e\+39/,
    ],
    [train('xmc', '--out', model, '--overwrite', '--head-learning-rate', '1e39'), 2, /--head-learning-rate must be at/],
    [train('broken'), 3, /broken:3: label 9 is not below 4/],
    [train('xmc', '--format', 'sets', '--valid', path('missing')), 4, /missing: no such file or folder/],
    [train('single', '--format', 'sets'), 3, /single: no example to train on/],
    [train('sets', '--format', 'sets', '--valid', path('empty')), 3, /empty: no example to evaluate/],
    [train('sequences', '--valid', path('lone'), path('empty')), 3, /lone, .*empty: no example to evaluate/],
    [train('missing'), 4, /cannot read .*missing: no such file or folder/],
    [train('xmc', '--out', '/dev/null/model'), 4, /cannot make the folder \/dev\/null\/model/],
    [
      train('xmc', '--head-learning-rate', '1e30', '--epochs', '20', '--loss', 'squared-error'),
      5,
      /training diverged at step \d+, nothing is saved since step \d+: try a lower/,
    ],
    [
      train('xmc', '--overwrite', '--learning-rate', '1e30', '--hidden', '8,8', '--optimizer', 'sgd', '--epochs', '20'),
      5,
      /training diverged at step \d+.* \(the layers below the head have diverged: hidden must be finite, got/,
    ],
    [['evaluate', '--model', path('missing'), '--data', path('xmc')], 4, /config.json: no such file/],
    [['evaluate', '--model', model, '--data', path('xmc'), '--history', path('xmc')], 2, /--history is for models/],
    [['evaluate', '--model', model, '--data', path('empty')], 3, /the file is empty/],
    [['evaluate', '--model', path('sequences-model'), '--data', path('lone')], 3, /lone: no example to evaluate/],
    [['predict', '--model', model, '--top', '0'], 2, /at least 1/],
  ])('%j', async (args, code, message) => {
    const result = await widehead(args)
    expect(result.stderr).toMatch(message)
    expect(result.code).toBe(code)
    expect(result.stdout).toBe('')
    // The last line says what is wrong, without a stack.
    expect(result.stderr.trim().split('\n').at(-1)).toMatch(/^widehead: /)
    expect(result.stderr).not.toMatch(/\n {4}at /)
  })

  it('leaves no folder and no model behind', () => {
    expect(readdirSync(folder)).not.toContain('missing')
    expect(readdirSync(join(model, 'checkpoints'))).toContain('latest')
  })

  it('answers the lines before a bad one', async () => {
    const { code, stdout, stderr } = await widehead(['predict', '--model', model], '1:1\n2:1\n99:1\n3:1\n')
    expect(code).toBe(3)
    expect(stderr).toBe('widehead: <stdin>:3: feature 99 is not below 20, the number of features in the header\n')
    expect(stdout.trim().split('\n').length).toBe(2)
  })

  it('notices a damaged model', async () => {
    const copy = path('damaged')
    await widehead(['train', '--train', path('xmc'), '--out', copy, '--hidden', '8', '--epochs', '1'])
    const checkpoints = join(copy, 'checkpoints')
    const newest = readFileSync(join(checkpoints, 'latest'), 'utf8').trim()
    const head = join(checkpoints, newest, 'head.rows.safetensors')
    const config = join(copy, 'config.json')
    const whole = readFileSync(config, 'utf8')
    const evaluate = () => widehead(['evaluate', '--model', copy, '--data', path('xmc')])
    writeFileSync(config, whole.replace('"numClasses": 40', '"numClasses": 41'))
    expect(await evaluate()).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('config.json says 20, 8, 8, 41'),
    })
    writeFileSync(config, whole)
    truncateSync(head, 5000)
    expect(await evaluate()).toMatchObject({ code: 4, stderr: expect.stringContaining('truncated') })
  })
})

describe('help', () => {
  it.each([[], ['train'], ['evaluate'], ['predict']])('%s --help lists options and exit codes', async (...command) => {
    const { code, stdout } = await widehead([...command.filter(Boolean), '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Exit codes:')
    expect(stdout).toMatch(/^Usage: widehead/)
  })

  it('names each option of each format', async () => {
    const { stdout } = await widehead(['train', '--help'])
    for (const option of ['--context', '--no-lowercase', '--features', '--hide', '--decay'])
      expect(stdout).toContain(option)
  })

  it('tells the version', async () => {
    expect((await widehead(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
