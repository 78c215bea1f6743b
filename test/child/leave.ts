// Leaves while asynchronous steps are on their way: at once, or when there is nothing else to do.

import { ExactHead, squaredError } from '../../lib/index.js'

const head = new ExactHead({ numClasses: 5000, hiddenSize: 64, loss: squaredError() })
const hidden = new Float32Array(256 * 64).fill(0.01)
let done = 0
for (let n = 0; n < 20; n++) {
  head.stepAsync(hidden, new Int32Array(256).fill(n), { learningRate: 0.01 }).then(() => {
    done++
  })
}
if (process.env.LEAVE === 'exit') process.exit(0)
if (process.env.LEAVE === 'throw') throw new Error('on purpose')
if (process.env.LEAVE === 'later') setTimeout(() => process.exit(0), 5)
process.on('exit', () => process.stdout.write(`${done} done`))
