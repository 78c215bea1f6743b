// widehead train --resume: the run goes on as if it had not been stopped, by a signal, a kill, or a crash while it saved.

import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CORPORA, finished, jsonLines, start, widehead } from '../cli/helpers.js'
import { temporaryFolder } from '../data/helpers.js'
import { Random } from '../judge/random.js'

const folder = temporaryFolder()
const long = process.env.WIDEHEAD_TEST_LONG === '1'
const random = new Random(Number(process.env.WIDEHEAD_TEST_SEED ?? 7))
const path = (name: string) => join(folder, name)
for (const name of ['text', 'sequences', 'sets', 'xmc'] as const) writeFileSync(path(name), CORPORA[name])

const newest = (out: string) => readFileSync(join(out, 'checkpoints/latest'), 'utf8').trim()
const logOf = (out: string) => jsonLines(readFileSync(join(out, 'metrics.jsonl'), 'utf8'))

/** All that was trained, and what is said of it but for times. */
function outcome(out: string) {
  const checkpoint = join(out, 'checkpoints', newest(out))
  const files = ['head.rows.safetensors', 'trunk.safetensors'].map((name) => {
    const bytes = readFileSync(join(checkpoint, name))
    return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0))).toString('latin1')
  })
  const steps = logOf(out)
    .filter(({ kind }) => kind === 'step' || kind === 'evaluation')
    .map(({ seconds: _, trainingSeconds: __, examplesPerSecond: ___, ...facts }) => facts)
  return { files, steps }
}

const CASES: [string, string, string[]][] = [
  ['text', 'sampled', ['--hidden', 'none', '--embedding', '8', '--epochs', '2', '--batch', '64']],
  ['sequences', 'lsh', ['--hidden', '12', '--embedding', '8', '--epochs', '3', '--batch', '16', '--samples', '12']],
  ['sets', 'exact', ['--hidden', '8', '--epochs', '6', '--batch', '16', '--optimizer', 'adam', '--schedule', 'linear']],
  [
    'xmc',
    'softmax',
    ['--hidden', '8', '--epochs', '6', '--batch', '16', '--head-optimizer', 'adagrad', '--shuffle-buffer', '50'],
  ],
]

describe.each(CASES)('%s with the head %s', (name, head, options) => {
  const args = (out: string) => {
    const data = ['--train', path(name), '--valid', path(name), '--format', name]
    return ['train', ...data, '--out', path(out), '--head', head, '--log-every', '1', '--eval-every', '7', ...options]
  }

  it('goes on from any of its checkpoints as if it had not stopped', async () => {
    const out = `${name}-whole`
    expect((await widehead([...args(out), '--checkpoint-every', '1', '--keep-checkpoints', '100000'])).code).toBe(0)
    const whole = outcome(path(out))
    const steps = readdirSync(join(path(out), 'checkpoints')).filter((entry) => entry.startsWith('step-'))
    expect(steps.length).toBeGreaterThan(2)
    for (let trial = 0; trial < 3; trial++) {
      const from = steps[random.below(steps.length)]
      const again = `${name}-again-${trial}`
      cpSync(path(out), path(again), { recursive: true })
      // What came later was never written: only the log is ahead, as it is after a kill.
      for (const other of steps)
        if (other !== from) rmSync(join(path(again), 'checkpoints', other), { recursive: true })
      writeFileSync(join(path(again), 'checkpoints/latest'), from)
      writeFileSync(
        join(path(again), 'metrics.jsonl'),
        `${readFileSync(join(path(again), 'metrics.jsonl'), 'utf8')}{"kind": "st`,
      )
      const { code, stderr } = await widehead([...args(again), '--resume'])
      expect([code, stderr]).toEqual([0, expect.stringContaining(`going on from ${from.replace('-', ' ')}`)])
      const resumed = outcome(path(again))
      expect(resumed.steps).toEqual(whole.steps)
      expect(
        resumed.files.every((file, i) => file === whole.files[i]),
        `from ${from}`,
      ).toBe(true)
      expect(logOf(path(again)).filter(({ kind }) => kind === 'resume').length).toBe(1)
      const seconds = logOf(path(again)).map((line) => line.seconds)
      expect(seconds).toEqual([...seconds].sort((a, b) => a - b))
    }
  })
})

describe('--resume', () => {
  const args = (out: string, ...more: string[]) => {
    const base = ['train', '--train', path('sets'), '--format', 'sets', '--out', path(out), '--hidden', '8']
    return [...base, '--epochs', '2', '--head', 'exact', '--schedule', 'constant', ...more]
  }

  it('starts where there is nothing to go on from, and does nothing to a run that is done', async () => {
    expect((await widehead(args('new', '--resume'))).code).toBe(0)
    const done = outcome(path('new'))
    const written = () =>
      readdirSync(join(path('new'), 'checkpoints'), { recursive: true, encoding: 'utf8' }).map((name) => {
        const { ino, mtimeMs } = statSync(join(path('new'), 'checkpoints', name))
        return [name, ino, mtimeMs]
      })
    const before = written()
    const { code, stderr } = await widehead(args('new', '--resume'))
    expect([code, stderr]).toEqual([0, expect.stringContaining('going on from step')])
    expect(outcome(path('new')).files).toEqual(done.files)
    expect(written()).toEqual(before)
  })

  it('starts nothing anew over checkpoints whose configuration is lost', async () => {
    await widehead(args('lost'))
    const before = outcome(path('lost')).files
    rmSync(join(path('lost'), 'config.json'))
    for (const more of [[], ['--resume']]) {
      const { code, stderr } = await widehead(args('lost', ...more))
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining(`${join(path('lost'), 'vocabulary.txt')} is there, but`),
      ])
      expect(outcome(path('lost')).files).toEqual(before)
    }
  })

  it('may have more epochs, and nothing else', async () => {
    await widehead(args('more'))
    const before = outcome(path('more')).files
    const refused: [string[], RegExp][] = [
      [
        ['--learning-rate', '0.123'],
        /--learning-rate is 0.123, but the run in .* resume it with the options it was started with/,
      ],
      [['--hidden', '9'], /--embedding is 9, but the run/],
      [['--head', 'dense'], /--head is "dense", but the run .* has "exact"/],
      [['--seed', '4'], /--seed is 4, but the run .* has 0/],
      [['--train', path('text')], /the training data are not those of the run/],
      [['--overwrite'], /--resume and --overwrite exclude each other/],
    ]
    for (const [options, message] of refused) {
      const { code, stderr } = await widehead(args('more', '--resume', ...options))
      expect(stderr).toMatch(message)
      expect(code).toBe(2)
      expect(outcome(path('more')).files).toEqual(before)
    }
    const { code } = await widehead(args('more', '--resume', '--epochs', '3'))
    expect(code).toBe(0)
    await widehead(args('three', '--epochs', '3'))
    expect(outcome(path('more')).files).toEqual(outcome(path('three')).files)
  })

  it('may have more steps, which end inside an epoch and are evaluated there', async () => {
    const steps = (out: string, count: string) =>
      args(out, '--valid', path('sets'), '--batch', '16', '--max-steps', count)
    await widehead(steps('nine', '9'))
    expect((await widehead([...steps('nine', '11'), '--resume'])).code).toBe(0)
    await widehead(steps('eleven', '11'))
    expect(outcome(path('nine'))).toEqual(outcome(path('eleven')))
    const evaluations = logOf(path('nine')).filter(({ kind }) => kind === 'evaluation')
    expect(evaluations.map(({ step }) => step)).toEqual([11])
    expect(logOf(path('nine')).find(({ kind }) => kind === 'resume')).toMatchObject({
      step: 9,
      epochs: 2,
      maxSteps: 11,
    })
    expect(readFileSync(join(path('nine'), 'config.json'), 'utf8')).toBe(
      readFileSync(join(path('eleven'), 'config.json'), 'utf8'),
    )
  })

  it('evaluates the last step once', async () => {
    await widehead(args('once', '--valid', path('sets'), '--batch', '16', '--max-steps', '6', '--eval-every', '3'))
    const evaluations = logOf(path('once')).filter(({ kind }) => kind === 'evaluation')
    expect(evaluations.map(({ step }) => step)).toEqual([3, 6])
    expect(logOf(path('once')).at(-1)).toMatchObject({ kind: 'end', loss: evaluations[1].loss })
  })

  it('takes no damaged checkpoint', async () => {
    await widehead(args('damaged'))
    const file = join(path('damaged'), 'checkpoints', newest(path('damaged')), 'head.safetensors')
    writeFileSync(file, readFileSync(file).subarray(0, 5000))
    const { code, stderr } = await widehead(args('damaged', '--resume'))
    expect([code, stderr]).toEqual([4, expect.stringContaining('truncated')])
    expect(existsSync(file)).toBe(true)
  })

  it.each(['0', '-1', '5x', '', '1.5'])('refuses --checkpoint-every %j', async (text) => {
    const { code, stderr } = await widehead(args('every', '--checkpoint-every', text))
    expect([code, stderr]).toEqual([2, expect.stringContaining('30s, 10m or 2h')])
  })
})

describe('kill -9', () => {
  const kills = long ? 100 : 12
  // Wide enough that a checkpoint takes a while: many of the kills come while one is written.
  writeFileSync(path('wide'), Array.from({ length: 400 }, (_, i) => `w${i % 97} v${(7 * i) % 89} u${i}`).join('\n'))
  const args = (out: string) => {
    const data = ['train', '--train', path('wide'), '--format', 'sequences', '--out', path(out), '--head', 'exact']
    const sizes = ['--hidden', '128', '--embedding', '512', '--batch', '16', '--epochs', String(3 * kills)]
    return [...data, ...sizes, '--checkpoint-every', '1', '--log-every', '1', '--threads', '1']
  }

  it(`at ${kills} random moments loses nothing but the steps since the last checkpoint`, async () => {
    let saved = 0
    let patience = 1 // a busy machine may need longer to its first checkpoint
    for (let kill = 0; kill < kills; kill++) {
      const child = start([...args('killed'), '--resume'])
      const result = finished(child)
      const checkpoints = join(path('killed'), 'checkpoints')
      const entries = () => (existsSync(checkpoints) ? readdirSync(checkpoints) : [])
      const before = entries().join()
      // Once it has come to write something: then any moment will do.
      while (entries().join() === before && child.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 5))
      await new Promise((resolve) => setTimeout(resolve, patience * random.between(0, 150)))
      child.kill('SIGKILL')
      const { stderr } = await result
      const from = Number(/going on from step (\d+)/.exec(stderr)?.[1] ?? 0)
      expect(from, stderr).toBe(saved)
      saved = existsSync(join(checkpoints, 'latest')) ? Number(newest(path('killed')).split('-')[1]) : 0
      expect(saved).toBeGreaterThanOrEqual(from)
      if (saved === 0) patience *= 1.5
    }
    expect(saved).toBeGreaterThan(0)
    const { code, stderr } = await finished(start([...args('killed'), '--resume']))
    expect([code, stderr]).toEqual([0, expect.stringContaining('saved in')])
    await finished(start(args('unharmed')))
    const [killed, unharmed] = [outcome(path('killed')), outcome(path('unharmed'))]
    expect(killed.steps).toEqual(unharmed.steps)
    expect(killed.files.every((file, i) => file === unharmed.files[i])).toBe(true)
    // Nothing is left of what the kills cut off.
    expect(readdirSync(join(path('killed'), 'checkpoints')).filter((name) => name.startsWith('.'))).toEqual([])
  })
})
