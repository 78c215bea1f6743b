// Trains with stepAsync and prints what the event loop did meanwhile: its turns and timers in every step, and its delay.
// DELAY_SECONDS trains for that long; default: a few steps.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { ExactHead, SampledSoftmaxHead, squaredError } from '../../lib/index.js'
import { Stream } from '../judge/stream.js'

const size = { numClasses: 50_000, hiddenSize: 256 }
const STEPS = 12
const seconds = Number(process.env.DELAY_SECONDS ?? 0)
const stream = new Stream({ ...size, batchSize: 512, seed: 6 })
const { hidden, targets } = stream.next()

async function measure(head: ExactHead | SampledSoftmaxHead) {
  let [turns, timers] = [0, 0]
  const timer = setInterval(() => timers++, 1)
  let running = true
  const turn = () => {
    turns++
    if (running) setImmediate(turn)
  }
  const steps: { turns: number; timers: number }[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  await head.stepAsync(hidden, targets, { learningRate: 1e-3 })
  if (!seconds) turn()
  delay.enable()
  const end = performance.now() + seconds * 1000
  do {
    const [turnsBefore, timersBefore] = [turns, timers]
    await head.stepAsync(hidden, targets, { learningRate: 1e-3 })
    steps.push({ turns: turns - turnsBefore, timers: timers - timersBefore })
  } while (steps.length < STEPS || performance.now() < end)
  delay.disable()
  running = false
  clearInterval(timer)
  head.close()
  const milliseconds = (value: number) => Number((value / 1e6).toFixed(2))
  return {
    steps: steps.length,
    fewestTurns: Math.min(...steps.map((step) => step.turns)),
    turns,
    timers,
    p50: milliseconds(delay.percentile(50)),
    p99: milliseconds(delay.percentile(99)),
    max: milliseconds(delay.max),
  }
}

const report = {
  exact: await measure(new ExactHead({ ...size, loss: squaredError(), init: { kind: 'normal', scale: 0.1 } })),
  sampled: await measure(new SampledSoftmaxHead({ ...size, samples: 8192, sampler: 'uniform' })),
}
process.stdout.write(JSON.stringify(report))
