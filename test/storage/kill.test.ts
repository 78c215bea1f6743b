// kill -9 at random moments of training with rows in a file: in steps, while a checkpoint is written, while a journal is begun or undone.
// What is loaded then is the newest checkpoint, row by row and bit by bit.

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ExactHead } from '../../lib/index.js'
import { temporaryFolder } from '../data/helpers.js'
import { range } from '../judge/compare.js'
import { Random } from '../judge/random.js'
import { journalsOf, tensorsOf } from './helpers.js'
import { LOOP_RATE, loopBatch, loopOptions } from './loop.js'

const project = fileURLToPath(new URL('../..', import.meta.url))
const kills = process.env.WIDEHEAD_TEST_LONG === '1' ? 100 : 12
const random = new Random(Number(process.env.WIDEHEAD_TEST_SEED ?? 9))
const all = range(0, loopOptions.numClasses)

/** Runs the loop for some milliseconds after it has begun to train, or to load what is there. */
async function killedAfter(
  folder: string,
  durability: string,
  milliseconds: number,
  loading: boolean,
): Promise<string> {
  const args = ['--import', './test/child/typescript.mjs', 'test/child/row-file-loop.ts', folder, durability]
  const child = spawn(process.execPath, args, { cwd: project })
  let stderr = ''
  child.stderr.on('data', (data) => (stderr += data))
  const ended = new Promise((resolve) => child.on('close', resolve))
  if (!loading) await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), ended])
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
  child.kill('SIGKILL')
  await ended
  return stderr
}

describe.runIf(process.platform !== 'win32')('kill -9', () => {
  it(`at ${kills} random moments leads back to the newest checkpoint, row by row`, {
    timeout: 60_000 * kills,
  }, async () => {
    const folder = temporaryFolder()
    const checkpoints = join(folder, 'checkpoints')
    const storage = { kind: 'file', path: join(folder, 'rows') } as const
    const inMemory = new ExactHead(loopOptions) // makes the same steps, as far as the newest checkpoint
    let patience = 1 // a busy machine may need longer to its first checkpoint
    for (let kill = 0, step = 0; kill < kills; kill++) {
      const loading = kill > 2 && kill % 4 === 3
      const pause = loading ? random.between(300, 1500) : patience * random.between(0, 400)
      expect(await killedAfter(folder, kill % 3 === 2 ? 'power' : 'process', pause, loading)).toBe('')
      if (!existsSync(join(checkpoints, 'latest'))) {
        patience *= 1.5
        continue
      }
      const look = await ExactHead.load(checkpoints, { storage: { kind: 'memory' } })
      const { steps } = look.diagnostics()
      expect(steps).toBeGreaterThanOrEqual(step)
      for (; step < steps; step++) {
        const { hidden, targets } = loopBatch(step)
        inMemory.step(hidden, targets, { learningRate: LOOP_RATE })
      }
      const expected = inMemory.rows(all)
      expect(
        look.rows(all).every((value, i) => value === expected[i]),
        `W at step ${steps}`,
      ).toBe(true)
      look.close()
      if (kill % 2 === 0) continue // the next one has to find the way back itself
      await ExactHead.load(checkpoints).then((head) => head.close())
      const { path } = await inMemory.save(join(folder, 'in memory'), { keep: 1 })
      expect(tensorsOf(storage.path).equals(tensorsOf(join(path, 'head.rows.safetensors'))), `V at step ${steps}`).toBe(
        true,
      )
    }
    expect(inMemory.diagnostics().steps).toBeGreaterThan(0)
    expect(readFileSync(join(checkpoints, 'latest'), 'utf8')).toMatch(/^step-/)
    // What kills have left over goes with the next save.
    const head = await ExactHead.load(checkpoints)
    const { hidden, targets } = loopBatch(0)
    head.step(hidden, targets, { learningRate: LOOP_RATE })
    await head.save(checkpoints)
    expect(journalsOf(storage).length, `${readdirSync(folder)}`).toBeLessThanOrEqual(2)
    head.close()
  })
})
