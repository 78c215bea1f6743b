// What a checkpoint costs the training that goes on: the pause in which it begins, and the steps while it is written.

import { digits, markdownTable } from '../markdown.mjs'
import { runScript } from '../process.mjs'
import { quick } from '../settings.mjs'

export function checkpoint() {
  const sizes = quick ? [1e5] : [1e5, 1e6]
  const results = sizes.map((numClasses) =>
    runScript('checkpoint', { numClasses, hiddenSize: 300, examples: 128, share: 0.3, saves: quick ? 2 : 5 }),
  )
  console.log('\nA checkpoint of an exact head, d = 300, m = 128, share 0.3; milliseconds\n')
  console.log(
    markdownTable(
      results.map((result) => ({
        D: result.numClasses.toLocaleString('en-US'),
        MiB: digits(result.MiB),
        'training waits': digits(result.beginMs),
        'until it is on the disk': digits(result.wholeMs),
        'a step': digits(result.stepMs),
        'a step meanwhile': digits(result.duringMs),
        'p99 of steps': digits(result.p99Ms),
        'p99 meanwhile': digits(result.duringP99Ms),
        loading: digits(result.loadMs),
      })),
    ),
  )
  return results
}
