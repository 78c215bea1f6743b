// Saves a head in the folder of the first argument, says how that ended, and makes a step all the same.

import { ExactHead, squaredError } from '../../lib/index.js'

const head = new ExactHead({
  numClasses: 50_000,
  hiddenSize: 8,
  loss: squaredError(),
  init: { kind: 'normal', scale: 0.1 },
})
const told = await head.save(process.argv[2]).then(
  () => 'saved',
  ({ code, message }) => `${code} ${message}`,
)
head.step(new Float32Array(8).fill(1), Int32Array.of(3), { learningRate: 0.01 })
console.log(`${told}; then ${head.diagnostics().steps} step`)
