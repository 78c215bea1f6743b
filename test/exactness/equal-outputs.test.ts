// An example whose hidden vector is 0 has D equal outputs: the Z-loss has no deviation to measure in, and must not divide by it.

import { expect, test } from 'vitest'
import { DenseHead, ExactHead, zLoss } from '../../lib/index.js'

for (const Head of [ExactHead, DenseHead]) {
  test(`${Head.name}: the Z-loss of equal outputs is that of z = 0 and moves nothing`, () => {
    const head = new Head({ numClasses: 50, hiddenSize: 4, loss: zLoss({ alpha: 2, beta: 1.5 }), seed: 3 })
    const classes = Int32Array.from({ length: 50 }, (_, i) => i)
    const before = head.rows(classes)
    const { loss, dHidden, gradNorm } = head.step(new Float32Array(8), Int32Array.of(7, 8), { learningRate: 1 })
    expect(loss).toBeCloseTo(Math.log1p(Math.exp(3)) / 2, 12)
    expect(dHidden).toEqual(new Float32Array(8))
    expect(gradNorm).toBe(0)
    expect(head.rows(classes)).toEqual(before)
  })

  test(`${Head.name}: the Z-loss from zero weights is finite, and documented to stay there`, () => {
    const head = new Head({ numClasses: 50, hiddenSize: 4, loss: zLoss(), init: { kind: 'zeros' } })
    const { loss, gradNorm } = head.step(Float32Array.of(1, 2, 3, 4), Int32Array.of(7), { learningRate: 1 })
    expect(loss).toBeCloseTo(Math.log1p(Math.exp(3)), 12)
    expect(gradNorm).toBe(0)
  })

  test(`${Head.name}: an example without deviation does not disturb the others of its minibatch`, () => {
    const make = () => new Head({ numClasses: 50, hiddenSize: 4, loss: zLoss(), seed: 3 })
    const example = Float32Array.of(0.5, -1, 0.25, 2)
    const hidden = new Float32Array(8)
    hidden.set(example, 4)
    const together = make().forward(hidden, Int32Array.of(7, 8))
    const alone = make().forward(example, Int32Array.of(8))
    expect(together.losses[1]).toBeCloseTo(alone.losses[0], 10)
    for (let i = 0; i < 4; i++) expect(together.dHidden[4 + i] * 2).toBeCloseTo(alone.dHidden[i], 5)
  })
}
