// One trial: what a step costs from JavaScript when there is next to nothing to compute. { steps }

import { ExactHead, setThreads, squaredError } from '../../dist/index.js'
import { startClock, summarise } from '../timing.mjs'

const { steps } = JSON.parse(process.argv[2])
setThreads(1)
const head = new ExactHead({ numClasses: 1000, hiddenSize: 8, loss: squaredError() })
const hidden = Float32Array.from({ length: 8 }, (_, i) => Math.sin(i))
const targets = new Int32Array(1)
const options = { learningRate: 0.01 }

// A step is too short for the clock: a hundred at a time.
const batch = 100
const times = []
for (let done = 0; done < steps; done += batch) {
  if (done % 10_000 === 0) globalThis.gc?.()
  const elapsed = startClock(1)
  for (let i = 0; i < batch; i++) {
    targets[0] = (done + i) % 1000
    head.step(hidden, targets, options)
  }
  times.push(elapsed() / batch)
}
process.stdout.write(`${JSON.stringify(summarise(times.slice(times.length / 10)))}\n`)
