// The loop of training: what it leaves behind however it ends.

import { describe, expect, it } from 'vitest'
import type { Network } from '../../lib/cli/network.js'
import type { TrainingConfig } from '../../lib/cli/run.js'
import { type StepReport, trainingLoop } from '../../lib/cli/training-loop.js'
import type { Batch } from '../../lib/data/batch.js'
import { WideheadError } from '../../lib/errors.js'

const CONFIG = { epochs: 3, schedule: 'constant', learningRate: 0.1, headLearningRate: 1 } as TrainingConfig
const BATCH = { size: 2, input: {}, targets: new Int32Array(2) } as Batch

/** Epochs of four minibatches each, and how many of them were begun and ended. */
function counted() {
  const count = { begun: 0, ended: 0 }
  async function* epochs() {
    count.begun++
    try {
      for (let i = 0; i < 4; i++) yield BATCH
    } finally {
      count.ended++
    }
  }
  return { count, epochs }
}

/** A network whose head fails at one of its steps. */
function failingAt(failing: number): Network {
  let step = 0
  const stepAsync = async () => {
    if (++step === failing) throw new WideheadError('WIDEHEAD_LOSS', 'the loss is not finite')
    return { loss: 1, dHidden: new Float32Array(2), gradNorm: 1 }
  }
  const trunk = { forward: () => new Float32Array(2), backward: () => ({ gradNorm: 1 }) }
  return { trunk, head: { stepAsync } } as unknown as Network
}

describe('trainingLoop', () => {
  const goOn = { onStep: async () => false, onEpoch: async () => false }

  it('ends the minibatches of an epoch in which training diverges', async () => {
    const { count, epochs } = counted()
    await expect(trainingLoop(failingAt(6), CONFIG, 4, epochs, goOn)).rejects.toThrow('not finite')
    expect(count).toEqual({ begun: 2, ended: 2 })
  })

  it('ends them where a hook throws, a step stops the run, or all is done', async () => {
    const cases: [object, boolean, number][] = [
      [{ onStep: () => Promise.reject(new Error('full')) }, false, 1],
      [{ onStep: async ({ step }: { step: number }) => step === 6 }, true, 2],
      [{ onEpoch: async (epoch: number) => epoch === 2 }, true, 2],
      [{}, true, 3],
    ]
    for (const [hooks, resolves, begun] of cases) {
      const { count, epochs } = counted()
      const ended = trainingLoop(failingAt(0), CONFIG, 4, epochs, { ...goOn, ...hooks })
      if (resolves) await ended
      else await expect(ended).rejects.toThrow('full')
      expect(count).toEqual({ begun, ended: begun })
    }
  })

  it('ends after maxSteps, inside an epoch or at its end, with a schedule that falls over them', async () => {
    for (const [maxSteps, epoch, batches] of [
      [6, 2, 2],
      [8, 2, 4],
      [100, 3, 4],
    ] as const) {
      const { count, epochs } = counted()
      const rates: number[] = []
      const places: number[][] = []
      const ends: [number, boolean][] = []
      const hooks = {
        onStep: async (report: StepReport) => {
          rates.push(report.headLearningRate)
          places.push([report.epoch, report.batches])
          return false
        },
        onEpoch: async (number: number, last: boolean) => ends.push([number, last]) < 0,
      }
      const steps = Math.min(maxSteps, 12)
      await trainingLoop(failingAt(0), { ...CONFIG, maxSteps, schedule: 'linear' }, 4, epochs, hooks)
      expect(places.at(-1)).toEqual([epoch, batches])
      expect(rates).toEqual(Array.from({ length: steps }, (_, step) => 1 - step / steps))
      expect(ends).toEqual(Array.from({ length: epoch }, (_, i) => [i + 1, i + 1 === epoch]))
      expect(count).toEqual({ begun: epoch, ended: epoch })
    }
  })

  it('makes no step where as many were made before, and still ends the epoch', async () => {
    const { epochs } = counted()
    const ends: [number, boolean][] = []
    const onEpoch = async (number: number, last: boolean) => ends.push([number, last]) < 0
    const from = { epoch: 2, batches: 2, step: 6, examples: 12 }
    await trainingLoop(failingAt(1), { ...CONFIG, maxSteps: 6 }, 4, epochs, { ...goOn, onEpoch }, from)
    expect(ends).toEqual([[2, true]])
  })

  it('goes on inside an epoch', async () => {
    const { count, epochs } = counted()
    const steps: number[][] = []
    const onStep = async ({ epoch, batches, step, examples }: Record<string, number>) => {
      steps.push([epoch, batches, step, examples])
      return false
    }
    const from = { epoch: 2, batches: 3, step: 7, examples: 14 }
    await trainingLoop(failingAt(0), CONFIG, 4, epochs, { ...goOn, onStep: onStep as never }, from)
    expect(steps[0]).toEqual([2, 4, 8, 16])
    expect(steps.at(-1)).toEqual([3, 4, 12, 24])
    expect(count).toEqual({ begun: 2, ended: 2 })
  })
})
