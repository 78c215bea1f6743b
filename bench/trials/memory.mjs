// One trial: how much memory a process with a head and some steps has used at most. { numClasses, hiddenSize, examples, steps }

import { ExactHead, squaredError } from '../../dist/index.js'
import { stepStream } from '../data.mjs'

const trial = JSON.parse(process.argv[2])
const { numClasses, hiddenSize } = trial
const init = { kind: 'normal', scale: 0.05 } // writes all rows
const head = new ExactHead({ numClasses, hiddenSize, loss: squaredError(), init })
const { learningRate, hidden, targets } = stepStream({ ...trial, share: 0.3 })
for (let step = 0; step < trial.steps; step++) head.step(hidden(step), targets(step), { learningRate })
const result = { maxRssMiB: process.resourceUsage().maxRSS / 1024, headMiB: head.diagnostics().bytes / 2 ** 20 }
process.stdout.write(`${JSON.stringify({ ...trial, ...result })}\n`)
