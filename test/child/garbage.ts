// Makes heads and passes by the hundred and forgets them, closes none, and prints how much memory that took.
// Needs --expose-gc.

import { setImmediate } from 'node:timers/promises'
import { DenseHead, ExactHead, squaredError } from '../../lib/index.js'

const MIB = 2 ** 20
const collect = globalThis.gc as () => void
const [numClasses, hiddenSize] = [125_000, 16] // 8 MB a head, cheap to start
const [hidden, targets] = [new Float32Array(hiddenSize).fill(0.1), Int32Array.of(3)]

async function growth(rounds: number, round: () => unknown): Promise<number> {
  for (let n = 0; n < 5; n++) await round()
  collect()
  await setImmediate()
  const before = process.memoryUsage.rss()
  let most = 0
  for (let n = 0; n < rounds; n++) {
    await round()
    if (n % 10 === 9) {
      collect()
      await setImmediate() // finalizers run here
      most = Math.max(most, process.memoryUsage.rss() - before)
    }
  }
  return most / MIB
}

const options = { numClasses, hiddenSize, loss: squaredError(), init: { kind: 'uniform' as const, scale: 0.1 } }
const long = new DenseHead({ ...options, numClasses: 200_000, hiddenSize: 2, init: { kind: 'zeros' } })
const examples = new Float32Array(2 * 8)
const report = {
  exact: await growth(60, () => new ExactHead(options).step(hidden, targets, { learningRate: 0.1 })),
  dense: await growth(60, () => new DenseHead(options).step(hidden, targets, { learningRate: 0.1 })),
  // Eight examples times 200,000 outputs are 6 MB, if a pass keeps them.
  passes: await growth(60, () => long.forward(examples, new Int32Array(8))),
  // Reachable only through the promise of a step on its way.
  pending: await growth(60, async () => {
    const promise = new ExactHead(options).stepAsync(hidden, targets, { learningRate: 0.1 })
    collect()
    const { loss } = await promise
    if (!(loss > 0)) throw new Error(`loss ${loss}`)
  }),
}
process.stdout.write(JSON.stringify(report))
