// Tables from end to end: train, evaluate and predict with ids that are names.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../data/helpers.js'
import { finished, jsonLines, start, widehead } from './helpers.js'

const folder = temporaryFolder()
const path = (name: string) => join(folder, name)

// Ten groups of eight films; a person has seen six of one group. Rows lie film by film.
const pairs = Array.from({ length: 300 * 6 }, (_, i) => {
  const [person, j] = [i % 300, Math.floor(i / 300)]
  return { user: `person ${person}`, item: `Film ${(person + j) % 8} (of "${person % 10}")`, time: j }
})
const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
const csv = (rows: typeof pairs) =>
  rows.map(({ user, item, time }) => `${time},${quote(user)},${quote(item)}`).join('\n')
const held = Array.from({ length: 50 }, (_, i) => ({
  user: `person ${i}`,
  item: `Film ${(i + 6) % 8} (of "${i % 10}")`,
  time: 9,
}))

writeFileSync(path('train.csv'), `when,who,what\n${csv(pairs)}\n`)
writeFileSync(path('test.csv'), `when,who,what\n${csv(held)}\n`)
const column = (name: 'user' | 'item' | 'time') => ({ name, data: pairs.map((pair) => pair[name]) })
writeFileSync(
  path('train.parquet'),
  new Uint8Array(parquetWriteBuffer({ columnData: [column('user'), column('item'), column('time')] })),
)

const rates = [
  '--optimizer',
  'adagrad',
  '--learning-rate',
  '0.1',
  '--head-learning-rate',
  '10',
  '--head',
  'exact',
  '--hidden',
  '32',
]
const columns = ['--columns', 'user=who,item=what']

describe('tables', () => {
  it('of CSV: trains, evaluates with a history, predicts names, and leaves no temporary files', async () => {
    const before = readdirSync(join(folder, '..')).filter((name) => /^widehead-[^t]/.test(name))
    const model = path('csv')
    const train = ['train', '--train', path('train.csv'), '--valid', path('test.csv'), ...columns, '--out', model]
    const trained = await widehead([...train, '--epochs', '20', '--batch', '20', ...rates])
    expect(trained.stderr).toContain('train.csv as sets')
    expect(trained.code).toBe(0)
    const data = ['--data', path('test.csv'), '--history', path('train.csv'), ...columns]
    const { code, stdout } = await widehead(['evaluate', '--model', model, ...data, '--json'])
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ examples: 50 })])
    expect(JSON.parse(stdout)['recall@20']).toBeGreaterThan(0.9)
    const seen = JSON.stringify(['?', 'Film 0 (of "3")', 'Film 1 (of "3")', 'Film 9'])
    const answers = jsonLines((await widehead(['predict', '--model', model, '--top', '6'], `${seen}\n`)).stdout)
    expect(answers[0].predictions.map((answer: { class: string }) => answer.class).sort()).toEqual(
      [2, 3, 4, 5, 6, 7].map((i) => `Film ${i} (of "3")`),
    )
    expect(answers[0].unknown).toEqual(['Film 9'])
    expect(
      readdirSync(join(folder, '..')).filter((name) => /^widehead-[^t]/.test(name) && !before.includes(name)),
    ).toEqual([])
  })

  it('of CSV: a run that is resumed goes on as if it had not stopped, with the same tables alone', async () => {
    const args = (out: string, epochs: string, columns = 'user=who,item=what') => {
      const data = ['--train', path('train.csv'), '--out', path(out), '--columns', columns]
      return ['train', ...data, '--epochs', epochs, '--schedule', 'constant', '--log-every', '1', ...rates]
    }
    const losses = (out: string) =>
      jsonLines(readFileSync(join(path(out), 'metrics.jsonl'), 'utf8')).flatMap(({ loss }) => loss ?? [])
    expect((await widehead(args('whole', '2'))).code).toBe(0)
    expect((await widehead(args('parts', '1'))).code).toBe(0)
    const other = await widehead([...args('parts', '2', 'user=what,item=who'), '--resume'])
    const message = '--columns is user=what,item=who, but the run was started with user=who,item=what'
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining(message)])
    const longer = await widehead([...args('parts', '2'), '--train', path('train.csv'), path('test.csv'), '--resume'])
    expect(longer).toMatchObject({ code: 2, stderr: expect.stringMatching(/training data are not those of the run/) })
    expect((await widehead([...args('parts', '2', 'item=what,user=who'), '--resume'])).code).toBe(0)
    expect(losses('parts')).toEqual(losses('whole'))
    expect(losses('whole').length).toBeGreaterThan(5)
  })

  it('of Parquet: as sequences', async () => {
    const args = [
      'train',
      '--train',
      path('train.parquet'),
      '--out',
      path('parquet'),
      '--epochs',
      '1',
      '--hidden',
      'none',
      '--embedding',
      '8',
    ]
    expect(await widehead(args)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/may be of the format sets or sequences/),
    })
    const { code, stderr } = await widehead([...args, '--format', 'sequences'])
    expect([code, stderr]).toEqual([0, expect.stringContaining('1500 examples')])
  })

  it('from standard input, when the columns are told', async () => {
    const args = [
      'train',
      '--train',
      '-',
      '--out',
      path('stdin'),
      '--epochs',
      '1',
      ...rates,
      '--columns',
      'user=2,item=3',
    ]
    const { code, stderr } = await widehead(args, csv(pairs))
    expect([code, stderr]).toEqual([0, expect.stringContaining('300 examples')])
  })

  it.each<[string, RegExp]>([
    ['user', /must be pairs ROLE=COLUMN, each ROLE one of user, item/],
    ['owner=x', /must be pairs ROLE=COLUMN/],
    ['user=a,user=b', /names user twice/],
    ['user=who,item=film', /has no column "film"/],
  ])('refuses --columns %s', async (text, message) => {
    const args = ['train', '--train', path('train.csv'), '--out', path('refused'), '--columns', text]
    expect(await widehead(args)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) })
    expect(existsSync(path('refused'))).toBe(false)
  })

  it('of Parquet, without hyparquet: names the package to install', async () => {
    const args = ['train', '--train', path('train.parquet'), '--out', path('without')]
    const { code, stderr } = await finished(
      start(args, { NODE_OPTIONS: '--import ./test/child/without-hyparquet.mjs' }),
    )
    expect(stderr).toBe('widehead: Parquet files need the package hyparquet: npm install hyparquet\n')
    expect(code).toBe(2)
  })

  it('asks which columns they are', async () => {
    const { code, stderr } = await widehead(['train', '--train', path('train.csv'), '--out', path('asked')])
    expect([code, stderr]).toEqual([2, expect.stringMatching(/among \(when, who, what\): say which they are/)])
  })
})
