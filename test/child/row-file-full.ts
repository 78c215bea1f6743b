// A head whose rows are a file in the folder of the first argument, on a disk that is too small for the file (create) or for its
// journal (step): says how that ended.

import { join } from 'node:path'
import { ExactHead, squaredError } from '../../lib/index.js'

const [folder, mode] = process.argv.slice(2)
const [numClasses, hiddenSize] = [mode === 'create' ? 20_000 : 4000, 32]
const path = join(folder, 'rows')
const init = { kind: 'normal', scale: 0.1 } as const
const told: string[] = []
const all = Int32Array.from({ length: numClasses }, (_, i) => i)

function stepOn(head: ExactHead, classes: Int32Array): void {
  const hidden = new Float32Array(classes.length * hiddenSize).fill(0.1)
  head.step(hidden, classes, { learningRate: 0.01 })
}

try {
  const head = new ExactHead({ numClasses, hiddenSize, loss: squaredError(), init, storage: { kind: 'file', path } })
  await head.save(join(folder, 'checkpoints'))
  const first = head.rows(all)
  stepOn(head, all.slice(0, 100))
  const before = head.rows(all)
  try {
    // The limit lies between what the file takes and what a journal of all its rows does.
    for (let from = 0; from < numClasses; from += 100)
      stepOn(
        head,
        all.map((c) => (c + from) % numClasses),
      )
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    told.push(`${code} ${message}`)
  }
  if (head.rows(all).every((value, i) => value === before[i])) told.push('nothing changed')
  stepOn(head, all.slice(0, 100))
  told.push(`then ${head.diagnostics().steps - 1} step`)
  head.close()
  const back = await ExactHead.load(join(folder, 'checkpoints'))
  if (back.rows(all).every((value, i) => value === first[i])) told.push('goes back')
} catch (error) {
  const { code, message } = error as { code: string; message: string }
  told.push(`${code} ${message}`)
}
console.log(told.join('; '))
