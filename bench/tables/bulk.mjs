// What a step of the bulk softmax costs beside one of the exact head, of the sampled softmax with as many draws, and of the full softmax.
// What it learns is in the table `heads`, how near its gradient is in `fidelity`.

import { interleave } from '../interleave.mjs'
import { digits, markdownTable } from '../markdown.mjs'
import { runScript } from '../process.mjs'
import { quick, threadCounts } from '../settings.mjs'

const [d, m] = [128, 128]
const bulkSide = (name, options, optimizer = 'sgd') => ({
  name: `bulk, shortlist ${d}, ${name}`,
  head: 'bulk',
  options: { shortlist: d, ...options },
  optimizer,
})
// Rows are hashed again within the steps that are timed.
const sides = [
  { name: 'exact', head: 'exact' },
  bulkSide('own targets', { minibatchTargets: false, sampled: 0, ratePower: 0 }),
  bulkSide("the minibatch's targets", { sampled: 0, ratePower: 0 }),
  bulkSide('rates by count', { sampled: 0 }),
  bulkSide('512 drawn', { sampled: 512 }),
  bulkSide('512 drawn, Adagrad', { sampled: 512 }, 'adagrad'),
  bulkSide('2,048 drawn, Adagrad', { sampled: 2048 }, 'adagrad'),
  bulkSide('2,048 drawn, 2,048 retrieved, Adagrad', { sampled: 2048, retrieved: 2048, rehashEvery: 64 }, 'adagrad'),
  { name: 'sampled, 1,024 drawn', head: 'sampled', options: { samples: 1024 } },
  { name: 'sampled, 4,096 drawn', head: 'sampled', options: { samples: 4096 } },
  { name: 'softmax', head: 'softmax' },
]

function costs(numClasses, threads) {
  const trial =
    ({ name, head, options, optimizer }) =>
    () => {
      const [warmup, steps] = head === 'softmax' ? [1, quick ? 1 : 3] : [quick ? 8 : 64, quick ? 8 : 128]
      const shape = { numClasses, hiddenSize: d, examples: m, labels: 1, threads, warmup, steps }
      return { name, ...runScript('heads', { head, options, optimizer, ...shape }) }
    }
  const results = interleave(sides.map(trial))
  const [exact, full] = [results[0], results.at(-1)]
  console.log(
    `\nOne step: D = ${numClasses.toLocaleString('en-US')}, d = ${d}, m = ${m}, Zipf targets, ${threads} thread(s)\n`,
  )
  console.log(
    markdownTable(
      results.map((result) => ({
        head: result.name,
        'ms a step': digits(result.ms),
        'exact steps': digits(result.ms / exact.ms),
        'examples/s': digits((1000 * m) / result.ms),
        'times softmax': digits(full.ms / result.ms),
      })),
    ),
  )
  return results
}

export function bulk() {
  const classes = quick ? [20_000] : [41_218, 240_621]
  return classes.flatMap((numClasses) => threadCounts.flatMap((threads) => costs(numClasses, threads)))
}
