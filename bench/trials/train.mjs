// One trial: trains a network with the program `widehead` and prints one JSON line of what it logged. Arguments: a JSON object
// { args: those of `widehead train` but --out, out: a folder, metric }.

import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { run } from '../../dist/cli/program.js'

const { args, out, metric } = JSON.parse(process.argv[2])

let said = ''
const listener = new Writable({
  write(chunk, _, done) {
    said += chunk
    done()
  },
})
const streams = { stdin: Readable.from([]), stdout: listener, stderr: listener }
const code = await run(['train', ...args, '--out', out, '--overwrite'], streams)
if (code !== 0) throw new Error(`widehead train ${args.join(' ')} ended with ${code}:\n${said}`)

const log = readFileSync(join(out, 'metrics.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))
rmSync(out, { recursive: true })
const of = (kind) => log.filter((line) => line.kind === kind)
const [start] = of('start')
const [end] = of('end')
// The last step of an epoch may be evaluated twice.
const scores = new Map(of('evaluation').map((line) => [line.step, line]))
const curve = [...scores.values()].map((line) => ({
  step: line.step,
  seconds: line.trainingSeconds,
  value: line[metric],
  ...(line.perplexity && { perplexity: line.perplexity }),
}))
const { numClasses, hiddenSize } = start.network
const { batch, headLearningRate, headOptimizer } = start.training
const result = {
  numClasses,
  hiddenSize,
  batch,
  headLearningRate,
  headOptimizer,
  steps: end.step,
  seconds: end.trainingSeconds,
  examplesPerSecond: (end.step * batch) / end.trainingSeconds,
  peakMiB: end.peakMemory / 2 ** 20,
  curve,
  scores: [...scores.values()].at(-1),
}
process.stdout.write(`${JSON.stringify(result)}\n`)
