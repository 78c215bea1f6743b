// Peak memory of a process that trains an exact head, beside the bytes of V.

import { digits, markdownTable } from '../markdown.mjs'
import { runScript } from '../process.mjs'
import { quick } from '../settings.mjs'

export function memory() {
  const steps = quick ? 100 : 3000
  const results = [1e5, 1e6].map((numClasses) => {
    const result = runScript('memory', { numClasses, hiddenSize: 300, examples: 128, steps })
    const weightsMiB = (numClasses * 300 * 4) / 2 ** 20
    return { ...result, weightsMiB, limitMiB: 1.1 * weightsMiB + 64 }
  })
  console.log(`\nPeak memory of the whole process, d = 300, m = 128, ${steps} steps at share 0.3; MiB\n`)
  console.log(
    markdownTable(
      results.map(({ numClasses, weightsMiB, headMiB, maxRssMiB, limitMiB }) => ({
        D: numClasses.toLocaleString('en-US'),
        'bytes of V': digits(weightsMiB),
        'the head says': digits(headMiB),
        'peak (RSS)': digits(maxRssMiB),
        '1.1 V + 64 MiB': digits(limitMiB),
      })),
    ),
  )
  return results
}
