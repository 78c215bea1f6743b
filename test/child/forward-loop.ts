// Calls forward() by the thousand in a loop that never yields, applies none but the first, and prints how much memory that took.

import { DenseHead, squaredError } from '../../lib/index.js'

const MIB = 2 ** 20
const [numClasses, hiddenSize, m] = [20_000, 4, 16] // a pass holds m * numClasses outputs, 1.3 MB
const head = new DenseHead({ numClasses, hiddenSize, loss: squaredError(), init: { kind: 'uniform', scale: 0.1 } })
const example = (n: number) => Float32Array.from({ length: m * hiddenSize }, (_, i) => Math.sin(n + i))
const targets = Int32Array.from({ length: m }, (_, j) => 7 * j)

const first = head.forward(example(0), targets)
const before = process.memoryUsage.rss()
let most = 0
for (let n = 1; n <= 1500; n++) {
  head.forward(example(n), targets)
  if (n % 50 === 0) most = Math.max(most, process.memoryUsage.rss() - before)
}
const { gradNorm } = first.apply({ learningRate: 0.01 })
const alone = new DenseHead({ numClasses, hiddenSize, loss: squaredError(), init: { kind: 'uniform', scale: 0.1 } })
const expected = alone.step(example(0), targets, { learningRate: 0.01 }).gradNorm
process.stdout.write(JSON.stringify({ growth: most / MIB, gradNorm, expected }))
