// Loads the package from two places into one process, as two dependencies with a copy each do, and trains with both.

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Stream } from '../judge/stream.js'

type Package = typeof import('../../lib/index.js')

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'widehead-copy-'))
const size = { numClasses: 1000, hiddenSize: 48 }
const stream = new Stream({ ...size, batchSize: 32, seed: 4 })
const examples = Array.from({ length: 12 }, () => stream.next())

function copyPackage(): string {
  for (const part of ['lib', 'package.json']) cpSync(join(root, part), join(folder, part), { recursive: true })
  mkdirSync(join(folder, 'build/Release'), { recursive: true })
  cpSync(join(root, 'build/Release/widehead.node'), join(folder, 'build/Release/widehead.node'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return pathToFileURL(join(folder, 'lib/index.ts')).href
}

function create({ ExactHead, squaredError }: Package) {
  return new ExactHead({ ...size, loss: squaredError(), init: { kind: 'normal', scale: 0.1 }, seed: 5 })
}

const options = { learningRate: 0.01 }
try {
  const first: Package = await import('../../lib/index.js')
  const second: Package = await import(copyPackage())
  const [a, b, alone] = [create(first), create(second), create(first)]
  const expected = examples.map(({ hidden, targets }) => alone.step(hidden, targets, options).loss)
  // Both at work at once, in the threads of Node's pool and in those of their own pools.
  const steps = examples.map(({ hidden, targets }) =>
    Promise.all([a.stepAsync(hidden, targets, options), b.stepAsync(hidden, targets, options)]),
  )
  const losses = (await Promise.all(steps)).map((pair) => pair.map(({ loss }) => loss))
  const threads = first.threads()
  second.setThreads(threads + 1)
  const report = {
    loadedTwice: first.ExactHead !== second.ExactHead,
    asOne: losses.every(([one, two], i) => one === expected[i] && two === expected[i]),
    threadsApart: first.threads() === threads && second.threads() === threads + 1,
  }
  a.close()
  const { loss } = b.step(examples[0].hidden, examples[0].targets, options)
  b.close()
  process.stdout.write(JSON.stringify({ ...report, aliveAfterTheOther: loss > 0 }))
} finally {
  rmSync(folder, { recursive: true })
}
