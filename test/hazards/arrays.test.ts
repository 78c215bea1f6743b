// Arrays that are not what they seem: the addon goes by their memory, not by what they tell JavaScript.

import { describe, expect, test } from 'vitest'
import { DenseHead, ExactHead, squaredError } from '../../lib/index.js'

const rate = { learningRate: 0.05 }
const outOfRange = expect.objectContaining({ code: 'WIDEHEAD_OUT_OF_RANGE' })

/** Says that it is longer than it is. */
class LongFloats extends Float32Array {
  override get length(): number {
    return 4096
  }
}
class LongIds extends Int32Array {
  override get length(): number {
    return 1024
  }
}

describe.each([{ Head: ExactHead }, { Head: DenseHead }])('$Head.name', ({ Head }) => {
  const create = () => new Head({ numClasses: 10, hiddenSize: 4, loss: squaredError() })
  const hidden = (m: number) => Float32Array.from({ length: 4 * m }, (_, i) => Math.sin(i + 1))

  test('results do not share memory, however small', () => {
    const head = create()
    for (const m of [1, 4, 5]) {
      // 4, 16 and 20 floats: up to 16 take another way
      const targets = new Int32Array(m).fill(3)
      const first = head.step(hidden(m), targets, rate)
      const kept = first.dHidden.slice()
      const second = head.forward(hidden(m), targets)
      expect(first.dHidden).toEqual(kept)
      expect(second.dHidden).not.toEqual(kept)
      expect(second.dHidden.length).toBe(4 * m)
      expect(second.dHidden.buffer.byteLength).toBe(16 * m)
    }
  })

  test.each<[what: string, call: (head: ExactHead | DenseHead) => unknown]>([
    ['hidden', (head) => head.step(new LongFloats(4), new Int32Array(1024), rate)],
    ['hidden of logits', (head) => head.logits(new LongFloats(4), Int32Array.of(1))],
    ['hidden of topK', (head) => head.topK(new LongFloats(4), 2)],
    ['targets', (head) => head.step(hidden(1024), new LongIds(1), rate)],
    ['values', (head) => head.step(hidden(1), rows(new Int32Array(4096), new LongFloats(1)), rate)],
    ['classes of rows', (head) => head.rows(new LongIds(1))],
    ['classes of logits', (head) => head.logits(hidden(1), new LongIds(1))],
  ])('%s that lie about their length are not read past their end', (_, call) => {
    const head = create()
    expect(() => call(head)).toThrow(outOfRange)
    expect(head.diagnostics().steps).toBe(0)
  })

  test('a length whose getter transfers hidden away fails the step', () => {
    const head = create()
    const given = hidden(1)
    class Thief extends Int32Array {
      override get length(): number {
        if (given.buffer.byteLength > 0) structuredClone(given, { transfer: [given.buffer as ArrayBuffer] })
        return 1
      }
    }
    expect(() => head.step(given, new Thief(1), rate)).toThrow(outOfRange)
    expect(head.diagnostics().steps).toBe(0)
  })

  function rows(indices: Int32Array, values: Float32Array) {
    return { indptr: Int32Array.of(0, indices.length), indices, values }
  }
})
