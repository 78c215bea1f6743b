// Trains a head whose rows are the file `rows` in the folder of the first argument, saving now and then beside the steps, until it is
// killed. Goes on from the newest checkpoint if there is one. Step t has minibatch t: whoever makes the same steps has the same rows.

import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ExactHead } from '../../lib/index.js'
import { LOOP_RATE, loopBatch, loopOptions } from '../storage/loop.js'

const [folder, durability] = process.argv.slice(2) as [string, 'process' | 'power']
const checkpoints = join(folder, 'checkpoints')
const resumes = existsSync(join(checkpoints, 'latest'))
if (!resumes) rmSync(join(folder, 'rows'), { force: true }) // of one that was killed before it had saved
const storage = { kind: 'file', path: join(folder, 'rows'), durability } as const
const head = resumes ? await ExactHead.load(checkpoints) : new ExactHead({ ...loopOptions, storage })
console.log('begins')
let saving: Promise<unknown> | undefined
for (let step = head.diagnostics().steps; ; step++) {
  const { hidden, targets } = loopBatch(step)
  await head.stepAsync(hidden, targets, { learningRate: LOOP_RATE })
  if (step % 3 === 2 && !saving) saving = head.save(checkpoints).finally(() => (saving = undefined))
}
