// Creates and closes heads, without a garbage collection of its own, and prints how much memory that took.

import { DenseHead, ExactHead, squaredError } from '../../lib/index.js'

const MIB = 2 ** 20
const [numClasses, hiddenSize] = [1_000, 16] // 64 KB a head, cheap to start
const [hidden, targets] = [new Float32Array(4 * hiddenSize).fill(0.1), Int32Array.of(3, 4, 5, 999)]
const init = { kind: 'uniform' as const, scale: 0.1 }

function cycle(n: number): void {
  const Head = n % 2 === 0 ? ExactHead : DenseHead
  const head = new Head({ numClasses, hiddenSize, loss: squaredError(), init, bias: n % 3 === 0 })
  head.step(hidden, targets, { learningRate: 0.01 })
  head.forward(hidden, targets).apply({ learningRate: 0.01 })
  head.forward(hidden, targets) // never applied
  head.topK(hidden, 5)
  head.close()
}

for (let n = 0; n < 200; n++) cycle(n)
const before = process.memoryUsage.rss()
for (let n = 0; n < 10_000; n++) {
  cycle(n)
  if (n % 50 === 0) await new Promise(setImmediate)
}
process.stdout.write(JSON.stringify({ growth: (process.memoryUsage.rss() - before) / MIB }))
