// A rank that cannot open its network: all end at once, with a message that names it, and none waits for the stall timeout.

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type TrainOptions, train } from '../../lib/index.js'
import { CORPORA, finished, jsonLines } from '../cli/helpers.js'
import { temporaryFolder } from '../data/helpers.js'
import { MPIS, opened, startRanks } from './helpers.js'

const folder = temporaryFolder()
const { group } = opened()
const sets = join(folder, 'sets')
writeFileSync(sets, CORPORA.sets)
const TIMEOUT = 60_000

const options = { format: 'sets', head: 'exact', hidden: [8], epochs: 1, batch: 33 } as const
const together = (own: TrainOptions) =>
  Promise.allSettled(group(2).map((distributed) => train({ ...own, distributed })))

const whole = join(folder, 'whole')

beforeAll(async () => {
  for (const { status } of await together({ ...options, data: sets, out: whole })) expect(status).toBe('fulfilled')
})

/** A copy of the model in which a bit of the rows of rank 1 is another: no other rank reads them. */
function damaged(name: string): string {
  const out = join(folder, name)
  cpSync(whole, out, { recursive: true })
  const checkpoints = join(out, 'checkpoints')
  const file = join(
    checkpoints,
    readFileSync(join(checkpoints, 'latest'), 'utf8').trim(),
    'head.rows.1-of-2.safetensors',
  )
  const bytes = readFileSync(file)
  bytes[bytes.length - 5] ^= 1
  writeFileSync(file, bytes)
  return out
}

test('train(): rows of one rank that are damaged are an error of all, which names the rank', async () => {
  const [first, second] = await together({ ...options, data: sets, out: damaged('damaged'), epochs: 2, resume: true })
  expect(first).toMatchObject({
    reason: { code: 'WIDEHEAD_FILE', message: expect.stringMatching(/^rank 1 cannot: .*tensor "\w+" is damaged/) },
  })
  expect(second).toMatchObject({
    reason: { code: 'WIDEHEAD_FILE', message: expect.not.stringContaining('cannot: ') },
  })
})

const trainCommand = (out: string) => {
  const { head, batch, hidden } = options
  return [
    ...['lib/cli/main.ts', 'train', '--train', sets, '--out', out, '--format', 'sets', '--head', head],
    ...['--hidden', `${hidden}`, '--batch', `${batch}`, '--epochs', '2', '--resume'],
  ]
}

const canStarve = () => {
  try {
    execFileSync('prlimit', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

if (MPIS.length === 0) test.skip('MPI: none is installed here (Debian: openmpi-bin, mpich)', () => {})

describe.each(MPIS.map((mpi) => [mpi.name, mpi] as const))('%s', (_, mpi) => {
  test(
    'widehead train: rows of one rank that are damaged end the job',
    async () => {
      const { code, stderr } = await finished(startRanks(mpi, 2, trainCommand(damaged(`damaged ${mpi.name}`))))
      expect(code).toBe(4)
      expect(stderr).toMatch(
        /^widehead: rank 0: rank 1 cannot: .*head\.rows\.1-of-2\.safetensors: tensor "\w+" is damaged/m,
      )
      expect(stderr.match(/^widehead: /gm)).toHaveLength(1)
    },
    TIMEOUT,
  )

  test.skipIf(!canStarve())(
    'train(): one rank that has too little memory for the network ends on all, and no folder is made',
    async () => {
      const out = join(folder, `starved ${mpi.name}`)
      const own = JSON.stringify({ ...options, data: sets, out })
      const { code, stdout, stderr } = await finished(startRanks(mpi, 2, ['test/child/starved-rank.ts', own]))
      expect(code, stderr).toBe(0)
      const said = jsonLines(stdout).sort((a, b) => a.rank - b.rank)
      expect(said).toMatchObject([
        { rank: 0, code: 'WIDEHEAD_OUT_OF_MEMORY', message: expect.stringMatching(/^rank 1 cannot: cannot allocate/) },
        { rank: 1, code: 'WIDEHEAD_OUT_OF_MEMORY', message: expect.stringMatching(/^cannot allocate/) },
      ])
      expect(existsSync(out)).toBe(false)
    },
    TIMEOUT,
  )
})
