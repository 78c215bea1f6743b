// Leaves while a head is saved for the second time, in the folder of the first argument: at once, or when all is done.

import { ExactHead, squaredError } from '../../lib/index.js'

const folder = process.argv[2]
const size = { numClasses: 200_000, hiddenSize: 32 } // 24 MiB: writing takes longer than leaving
const head = new ExactHead({ ...size, loss: squaredError(), init: { kind: 'zeros' } })
await head.save(folder)
head.step(new Float32Array(32).fill(1), Int32Array.of(3), { learningRate: 0.01 })
head.save(folder)
if (process.env.LEAVE === 'exit') process.exit(0)
if (process.env.LEAVE === 'throw') throw new Error('on purpose')
