// A custom loss is the caller's code in the middle of a step: whatever it does to the head must do no harm.

import { describe, expect, it } from 'vitest'
import { customLoss, DenseHead, ExactHead, type LossBatch, WideheadError } from '../../lib/index.js'

const hidden = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i + 1))
const targets = Int32Array.of(1, 5, 9)
const rate = { learningRate: 0.05 }
const smaller = { hidden: hidden.subarray(0, 4), targets: targets.subarray(0, 1) }
const larger = { hidden: Float32Array.from({ length: 4096 }, () => 1), targets: new Int32Array(1024) }

function squares({ q, a, values, indptr, losses, gq, ga }: LossBatch): void {
  for (let j = 0; j < q.length; j++) {
    losses[j] = q[j]
    gq[j] = 1
    for (let k = indptr[j]; k < indptr[j + 1]; k++) ga[k] = -2 * values[k] + 0 * a[k]
  }
}

for (const Head of [ExactHead, DenseHead]) {
  // A head whose loss first does `mischief`, once.
  const make = (mischief?: (head: InstanceType<typeof Head>, batch: LossBatch) => void) => {
    const loss = customLoss((batch: LossBatch) => {
      const todo = mischief
      mischief = undefined
      squares(batch)
      todo?.(head, batch)
    })
    const head = new Head({ numClasses: 10, hiddenSize: 4, loss, init: { kind: 'normal', scale: 0.3 } })
    return head
  }
  const busy = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_BUSY' })

  describe(`${Head.name} with a custom loss that`, () => {
    it('calls the head finds it busy, and the step goes on', () => {
      const expected = make().step(hidden, targets, rate)
      const head = make((self) => {
        for (const other of [smaller, larger]) {
          expect(() => self.evaluate(other.hidden, other.targets)).toThrow(busy)
          expect(() => self.step(other.hidden, other.targets, rate)).toThrow(busy)
          expect(() => self.forward(other.hidden, other.targets)).toThrow(busy)
        }
      })
      expect(head.step(hidden, targets, rate)).toEqual(expected)
      expect(head.diagnostics().steps).toBe(1)
    })

    it('closes the head lets the call end first', () => {
      const expected = make().step(hidden, targets, rate)
      const closing = [
        (head: InstanceType<typeof Head>) => head.step(hidden, targets, rate),
        (head: InstanceType<typeof Head>) => head.forward(hidden, targets),
        (head: InstanceType<typeof Head>) => head.evaluate(hidden, targets),
      ]
      for (const call of closing) {
        const head = make((self) => self.close())
        expect(call(head).loss).toBeCloseTo(expected.loss, 12)
        expect(head.closed).toBe(true)
        expect(() => call(head)).toThrow(expect.objectContaining({ code: 'WIDEHEAD_CLOSED' }))
      }
    })

    it('starts an asynchronous step has it run afterwards', async () => {
      let later: Promise<unknown> | undefined
      const head = make((self) => {
        later = self.stepAsync(hidden, targets, rate)
      })
      head.step(hidden, targets, rate)
      await later
      const expected = make()
      expected.step(hidden, targets, rate)
      expect(await later).toEqual(expected.step(hidden, targets, rate))
    })

    it('transfers its arrays away fails, and the head lives on', () => {
      const head = make((_, batch) => {
        structuredClone(batch.ga, { transfer: [batch.ga.buffer as ArrayBuffer] })
      })
      const failed = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_LOSS' })
      expect(() => head.step(hidden, targets, rate)).toThrow(failed)
      expect(head.step(hidden, targets, rate)).toEqual(make().step(hidden, targets, rate))
    })

    it('throws leaves the head as it was', () => {
      const head = make(() => {
        throw new SyntaxError('mine')
      })
      expect(() => head.step(hidden, targets, rate)).toThrow(SyntaxError)
      expect(head.step(hidden, targets, rate)).toEqual(make().step(hidden, targets, rate))
    })
  })

  describe(`${Head.name} and its passes`, () => {
    it('closes in a getter of the options, and the call says so', () => {
      const head = make()
      const options = {
        get learningRate() {
          head.close()
          return 0.1
        },
      }
      expect(() => head.step(hidden, targets, options)).toThrow(expect.objectContaining({ code: 'WIDEHEAD_CLOSED' }))
    })

    it('rejects with a WideheadError when a loss is not finite', async () => {
      const head = make((_, batch) => batch.gq.fill(Number.NaN))
      await expect(head.stepAsync(hidden, targets, rate)).rejects.toBeInstanceOf(WideheadError)
    })

    it('applies a forward pass after others, once', () => {
      const head = make()
      const early = head.forward(hidden, targets)
      head.evaluate(larger.hidden, larger.targets)
      const late = head.forward(larger.hidden, larger.targets)
      const expected = make().step(hidden, targets, rate)
      expect(early.dHidden).toEqual(expected.dHidden)
      expect(early.apply(rate)).toEqual({ gradNorm: expected.gradNorm })
      for (const pass of [early, late]) {
        expect(() => pass.apply(rate)).toThrow(
          expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_STALE' }),
        )
      }
      const second = make()
      second.step(hidden, targets, rate)
      expect(head.step(hidden, targets, rate)).toEqual(second.step(hidden, targets, rate))
    })

    it('does not pile up memory in a loop of forward and apply', () => {
      const head = new Head({ numClasses: 50000, hiddenSize: 4, loss: make().loss })
      const before = process.memoryUsage().rss
      for (let i = 0; i < 40; i++)
        head.forward(larger.hidden.subarray(0, 256), larger.targets.subarray(0, 64)).apply(rate)
      expect(process.memoryUsage().rss - before).toBeLessThan(200e6)
    })
  })
}
