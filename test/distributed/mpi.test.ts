// Under MPI, with each that is installed: the losses of one process, and ends that name the rank.

import type { ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mpi as allRanks } from '../../lib/index.js'
import { HEADS, type Trained, trainJob } from '../child/ranks.js'
import { finished, jsonLines, lastScores, widehead } from '../cli/helpers.js'
import { temporaryFolder } from '../data/helpers.js'
import { relativeError } from '../judge/float64-head.js'
import { MPIS, type Mpi, opened, startRanks } from './helpers.js'

const folder = temporaryFolder()
const TIMEOUT = 120_000

if (MPIS.length === 0) {
  test.skip('MPI: none is installed here (Debian: openmpi-bin, mpich)', () => {})
}

test('mpi() looks at its options before it looks for a library', () => {
  process.env.WIDEHEAD_MPI = '/none/libmpi.so'
  try {
    expect(() => allRanks({ stallTimeout: -1 })).toThrow(
      expect.objectContaining({
        code: 'WIDEHEAD_OUT_OF_RANGE',
        message: expect.stringMatching(/^stallTimeout must be/),
      }),
    )
    expect(() => allRanks(null as never)).toThrow(expect.objectContaining({ code: 'WIDEHEAD_INVALID_TYPE' }))
    expect(() => allRanks({ stallTimeout: 1 })).toThrow(expect.objectContaining({ code: 'WIDEHEAD_NO_MPI' }))
  } finally {
    delete process.env.WIDEHEAD_MPI
  }
})

const child = (deed: string, kind = 'exact') => ['test/child/ranks.ts', deed, kind]

async function trained(mpi: Mpi, size: number, kind: string): Promise<Trained & { size: number }> {
  const { code, stdout, stderr } = await finished(startRanks(mpi, size, child('train', kind)))
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout.trim().split('\n').at(-1) as string)
}

const { group } = opened()

describe.each(MPIS.map((mpi) => [mpi.name, mpi] as const))('%s', (_, mpi) => {
  test.each([1, 2, 4])(
    '%i ranks: the losses and weights of one',
    async (size) => {
      const result = await trained(mpi, size, 'exact')
      const expected = await trainJob(HEADS.exact())
      expect(result.size).toBe(size)
      for (const [step, loss] of result.losses.entries()) {
        expect(Math.abs(loss - expected.losses[step])).toBeLessThan(1e-5 * expected.losses[step])
      }
      expect(relativeError(result.rows, expected.rows)).toBeLessThan(2e-6)
    },
    TIMEOUT,
  )

  test.each(Object.keys(HEADS))(
    '%s: the bits of ranks that are threads',
    async (kind) => {
      const heads = group(2).map(HEADS[kind])
      const [expected] = await Promise.all(heads.map((head, rank) => trainJob(head, rank, 2)))
      const { losses, rows } = await trained(mpi, 2, kind)
      expect(losses).toEqual(expected.losses)
      expect(rows).toEqual([...expected.rows])
    },
    TIMEOUT,
  )

  test(
    'a rank that throws ends the job, and is named',
    async () => {
      const { code, stderr } = await finished(startRanks(mpi, 2, child('throw')))
      expect(code).toBe(1)
      expect(stderr).toContain('rank 1 fails: Error: rank 1 has had enough')
    },
    TIMEOUT,
  )

  test(
    'a rank that is killed ends the job',
    async () => {
      const { code } = await finished(startRanks(mpi, 2, child('kill')))
      expect(code).not.toBe(0)
    },
    TIMEOUT,
  )

  test(
    'a rank that is frozen ends the job, and is named by the one that waits for it',
    async () => {
      const { code, stderr } = await finished(startRanks(mpi, 2, child('freeze')))
      expect(code).toBe(1)
      expect(stderr).toMatch(/rank 0 fails: WideheadError: rank 1 has not come for \d+ s/)
    },
    TIMEOUT,
  )

  test(
    'without a library that can be loaded it says what was tried',
    async () => {
      const { code, stderr } = await finished(startRanks(mpi, 2, child('train'), { WIDEHEAD_MPI: '/none/libmpi.so' }))
      expect(code).not.toBe(0)
      expect(stderr).toMatch(/WIDEHEAD_NO_MPI|no MPI library that can be loaded/)
      expect(stderr).toContain('/none/libmpi.so')
    },
    TIMEOUT,
  )
})

/** The process of a rank of `widehead train`, which says so at the start. */
function rankProcess(job: ChildProcess, rank: number): Promise<number> {
  let said = ''
  return new Promise((resolve) => {
    job.stderr?.on('data', (chunk) => {
      said += chunk
      const found = new RegExp(`\\b${rank} is process (\\d+) on`).exec(said)
      if (found) resolve(Number(found[1]))
    })
  })
}

const libraries = { openmpi: 'libmpi.so.40', mpich: 'libmpich.so.12' } as const

test.skipIf(MPIS.length < 2)(
  'the launcher of one MPI with the library of the other is refused: these would be silent singletons',
  async () => {
    for (const mpi of MPIS) {
      const other = mpi.name === 'openmpi' ? libraries.mpich : libraries.openmpi
      const { code, stderr } = await finished(startRanks(mpi, 2, child('train'), { WIDEHEAD_MPI: other }))
      expect(code).not.toBe(0)
      expect(stderr).toMatch(/the launcher started 2 processes .* knows of 1/)
    }
  },
  TIMEOUT,
)

describe.skipIf(MPIS.length === 0)('widehead train', () => {
  const mpi = MPIS[0]
  const corpus = join(folder, 'sequences')
  // A ring of 40 items with a few exceptions, in several lengths.
  const line = (i: number) =>
    Array.from({ length: 3 + (i % 4) }, (_, j) => `s${(i + j * (1 + (i % 3))) % 40}`).join(' ')
  writeFileSync(corpus, Array.from({ length: 300 }, (_, i) => line(i)).join('\n'))
  const TRAIN = [
    'train',
    '--train',
    corpus,
    '--valid',
    corpus,
    '--hidden',
    '12',
    '--embedding',
    '8',
    '--schedule',
    'constant',
  ]
  const options = (out: string, epochs: number, head = 'exact') => {
    return [...TRAIN, '--out', out, '--epochs', `${epochs}`, '--batch', '31', '--head', head]
  }
  const cli = (args: string[]) => ['lib/cli/main.ts', ...args]
  // While it is written its last line may be half there.
  const losses = (out: string) =>
    jsonLines(readFileSync(join(out, 'metrics.jsonl'), 'utf8').replace(/[^\n]*$/, '') || '{}')
      .filter(({ kind }) => kind === 'step')
      .map(({ step, loss }) => [step, loss] as const)

  test.each(['exact', 'softmax', 'sampled'])(
    '--head %s on 2 ranks has the losses and scores of one process',
    async (head) => {
      const [one, two] = [join(folder, `one ${head}`), join(folder, `two ${head}`)]
      expect((await widehead([...options(one, 3, head), '--log-every', '1'])).code).toBe(0)
      const { code, stderr } = await finished(startRanks(mpi, 2, cli([...options(two, 3, head), '--log-every', '1'])))
      expect(code, stderr).toBe(0)
      expect(stderr).toMatch(/2 ranks: 0 is process \d+ on .+, 1 is process \d+ on /)
      expect(stderr.match(/reading /g)).toHaveLength(1) // one rank speaks
      const expected = losses(one)
      expect(losses(two)).toHaveLength(expected.length)
      for (const [i, [step, loss]] of losses(two).entries()) {
        expect(step).toBe(expected[i][0])
        expect(Math.abs(loss - expected[i][1])).toBeLessThan(1e-5 * Math.max(1, expected[i][1]))
      }
      const [a, b] = [one, two].map((out) => lastScores(readFileSync(join(out, 'metrics.jsonl'), 'utf8')))
      for (const [name, value] of Object.entries(a)) expect(b[name], name).toBeCloseTo(value, 4)
      expect((await widehead(['evaluate', '--model', two, '--data', corpus])).code).toBe(0)
    },
    TIMEOUT,
  )

  test.each(['wta', 'lsh'])(
    '--head %s on 2 ranks learns, and is resumed on one',
    async (head) => {
      const out = join(folder, head)
      const { code, stderr } = await finished(startRanks(mpi, 2, cli(options(out, 3, head))))
      expect(code, stderr).toBe(0)
      const metrics = readFileSync(join(out, 'metrics.jsonl'), 'utf8')
      const scores = jsonLines(metrics).filter(({ kind }) => kind === 'evaluation')
      expect(scores.at(-1)?.loss).toBeLessThan(scores[0].loss as number)
      expect((await widehead([...options(out, 4, head), '--resume'])).code).toBe(0)
    },
    TIMEOUT,
  )

  test(
    'killed on 4 ranks, it goes on on 2, then without MPI, with the losses of a run that was never stopped',
    async () => {
      const [whole, out] = [join(folder, 'whole'), join(folder, 'killed')]
      expect((await widehead([...options(whole, 4), '--log-every', '1'])).code).toBe(0)
      const often = ['--checkpoint-every', '5', '--log-every', '1', '--resume']
      const killed = startRanks(mpi, 4, cli([...options(out, 100), ...often]))
      const victim = rankProcess(killed, 3)
      const ended = finished(killed)
      const log = join(out, 'metrics.jsonl')
      const reached = (step: number) => existsSync(log) && losses(out).some(([at]) => at >= step)
      while (!reached(12)) await new Promise((resolve) => setTimeout(resolve, 20))
      process.kill(await victim, 'SIGKILL')
      expect((await ended).code).not.toBe(0)

      const { code, stderr } = await finished(startRanks(mpi, 2, cli([...options(out, 2), ...often])))
      expect(code, stderr).toBe(0)
      expect(stderr).toContain('going on from step')
      expect((await widehead([...options(out, 4), ...often])).code).toBe(0)
      const expected = losses(whole)
      expect(losses(out).map(([step]) => step)).toEqual(expected.map(([step]) => step))
      for (const [i, [, loss]] of losses(out).entries()) {
        expect(Math.abs(loss - expected[i][1]), `step ${i + 1}`).toBeLessThan(2e-5 * Math.max(1, expected[i][1]))
      }
    },
    TIMEOUT,
  )

  test(
    'a frozen rank: exit code 75, and its name',
    async () => {
      const out = join(folder, 'frozen')
      const running = startRanks(mpi, 2, cli([...options(out, 1_000_000), '--log-every', '1', '--stall-timeout', '2']))
      rankProcess(running, 1).then((pid) => setTimeout(() => process.kill(pid, 'SIGSTOP'), 500))
      const { code, stderr } = await finished(running)
      expect(code).toBe(75)
      expect(stderr).toMatch(/widehead: rank 0: rank 1 has not come for \d+ s/)
    },
    TIMEOUT,
  )

  test(
    'mistakes are told once, with the exit code of one process',
    async () => {
      const out = join(folder, 'mistake')
      for (const [args, code, message] of [
        [
          options(out, 1, 'dense'),
          2,
          /widehead: rank 0: --head dense is for one rank: several can hold exact, softmax/,
        ],
        [[...options(out, 1), '--train', '-'], 2, /--train - and --valid - are for one rank/],
        [options(join(corpus, 'model'), 1), 4, /widehead: rank 0: /],
      ] as const) {
        const result = await finished(startRanks(mpi, 2, cli([...args])))
        expect(result.code, result.stderr).toBe(code)
        expect(result.stderr).toMatch(message)
        expect(result.stderr.match(/^widehead: /gm)).toHaveLength(1)
        if (code === 2) expect(result.stderr).not.toContain('reading ')
      }
    },
    TIMEOUT,
  )
})
