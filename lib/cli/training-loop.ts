// The loop itself: trunk forward, head step, trunk backward, for each minibatch of each epoch. The next minibatch is made
// while the head works on its own threads.

import type { Batch } from '../data/batch.js'
import { WideheadError } from '../errors.js'
import type { Network } from './network.js'
import type { Ranks } from './ranks.js'
import type { TrainingConfig } from './run.js'

export interface StepReport {
  /** Epochs and steps count from 1; `examples` are those of the whole run so far. */
  epoch: number
  /** Minibatches of this epoch so far. */
  batches: number
  step: number
  examples: number
  loss: number
  learningRate: number
  headLearningRate: number
  headGradNorm: number
  trunkGradNorm: number
  size: number
}

/** Where the loop begins: at 1, 0, 0, 0, or where a run was stopped. */
export interface LoopStart {
  epoch: number
  batches: number
  step: number
  examples: number
}

export interface LoopHooks {
  /** After each step; true stops the run. */
  onStep(report: StepReport): Promise<boolean>
  /** After each epoch, whole but for the last; true stops the run. */
  onEpoch(epoch: number, last: boolean): Promise<boolean>
}

export async function trainingLoop(
  network: Network,
  config: TrainingConfig,
  stepsPerEpoch: number,
  epochs: (epoch: number) => AsyncGenerator<Batch>,
  hooks: LoopHooks,
  start: LoopStart = { epoch: 1, batches: 0, step: 0, examples: 0 },
  ranks?: Ranks,
): Promise<void> {
  const { maxSteps = Infinity } = config
  const totalSteps = Math.min(stepsPerEpoch * config.epochs, maxSteps)
  let { step, examples } = start

  async function train(batch: Batch, next: () => void) {
    const factor = config.schedule === 'linear' ? Math.max(0, 1 - step / totalSteps) : 1
    const rates = { learningRate: config.learningRate * factor, headLearningRate: config.headLearningRate * factor }
    const own = ranks?.share(batch) ?? batch
    const hidden = network.trunk.forward(own.input)
    const stepping = network.head.stepAsync(hidden, own.targets, {
      learningRate: rates.headLearningRate,
      weightDecay: config.weightDecay,
      clipNorm: config.clipNorm,
    })
    next()
    const { loss, dHidden, gradNorm } = await stepping.catch((error) => {
      throw divergence(error, hidden)
    })
    const { gradNorm: trunkGradNorm } = ranks
      ? await network.trunk.backwardAsync(dHidden, { learningRate: rates.learningRate })
      : network.trunk.backward(dHidden, { learningRate: rates.learningRate })
    step++
    examples += batch.size
    return { step, examples, loss, ...rates, headGradNorm: gradNorm, trunkGradNorm, size: batch.size }
  }

  for (let epoch = start.epoch; epoch <= config.epochs; epoch++) {
    const batches = epochs(epoch)
    try {
      let inEpoch = epoch === start.epoch ? start.batches : 0
      // What was trained on before is made again and left out: an epoch's order is the same each time.
      for (let i = 0; i < inEpoch; i++) await batches.next()
      let coming = batches.next()
      const next = () => {
        coming = batches.next()
        coming.catch(() => {}) // seen when it is awaited, unless the step fails first
      }
      while (step < maxSteps) {
        const { value: batch, done } = await coming
        if (done) break
        const report = await train(batch, next)
        if (await hooks.onStep({ epoch, batches: ++inEpoch, ...report })) return
      }
    } finally {
      await batches.return(undefined)
    }
    const last = epoch === config.epochs || step >= maxSteps
    if ((await hooks.onEpoch(epoch, last)) || last) return
  }
}

/** Hidden vectors that are not finite are no argument of the user's: the layers below the head have diverged. */
function divergence(error: Error, hidden: Float32Array): Error {
  if (hidden.every(Number.isFinite)) return error
  return new WideheadError('WIDEHEAD_LOSS', `the layers below the head have diverged: ${error.message}`, {
    cause: error,
  })
}
