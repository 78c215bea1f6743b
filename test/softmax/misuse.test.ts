// Options that only softmax heads have: each misuse has its error.

import { expect, test } from 'vitest'
import { SampledSoftmaxHead, SoftmaxHead, squaredError } from '../../lib/index.js'

const right = { numClasses: 10, hiddenSize: 4 }
const INVALID_TYPE = { name: 'TypeError', code: 'WIDEHEAD_INVALID_TYPE' }
const OUT_OF_RANGE = { name: 'RangeError', code: 'WIDEHEAD_OUT_OF_RANGE' }
const nan = new Float64Array(10)
nan[4] = Number.NaN

test.each([
  { changes: { loss: squaredError() }, error: INVALID_TYPE, says: ['loss', 'softmax'] },
  { changes: { optimizer: 'adam' }, error: INVALID_TYPE, says: ['optimizer', 'string'] },
  { changes: { optimizer: { kind: 'lion' } }, error: OUT_OF_RANGE, says: ['optimizer.kind', 'lion'] },
  { changes: { optimizer: { kind: 'adam', beta1: 1 } }, error: OUT_OF_RANGE, says: ['optimizer.beta1', '1'] },
  { changes: { optimizer: { kind: 'adagrad', epsilon: 0 } }, error: OUT_OF_RANGE, says: ['optimizer.epsilon', '0'] },
])('softmax heads: $changes', ({ changes, error, says }) => {
  for (const Head of [SoftmaxHead, SampledSoftmaxHead]) {
    let caught: unknown
    try {
      new Head({ ...right, ...changes } as never)
    } catch (thrown) {
      caught = thrown
    }
    expect(caught).toMatchObject(error)
    for (const part of says) expect((caught as Error).message).toContain(part)
  }
})

test.each([
  { changes: { samples: 0 }, error: OUT_OF_RANGE, says: ['samples', '0'] },
  { changes: { samples: 2.5 }, error: OUT_OF_RANGE, says: ['samples', '2.5'] },
  { changes: { samples: '64' }, error: INVALID_TYPE, says: ['samples', 'string'] },
  { changes: { sampler: 'zipf' }, error: OUT_OF_RANGE, says: ['sampler', 'zipf', 'log-uniform'] },
  { changes: { sampler: 1 }, error: INVALID_TYPE, says: ['sampler', 'number'] },
  { changes: { sampler: 'uniform', power: 0.5 }, error: OUT_OF_RANGE, says: ['power', 'unigram', 'uniform'] },
  { changes: { sampler: 'log-uniform', counts: nan }, error: OUT_OF_RANGE, says: ['counts', 'log-uniform'] },
  { changes: { sampler: 'unigram', power: -1 }, error: OUT_OF_RANGE, says: ['power', '-1'] },
  { changes: { sampler: 'unigram', power: Number.NaN }, error: OUT_OF_RANGE, says: ['power', 'NaN'] },
  { changes: { sampler: 'unigram', counts: [1, 2] }, error: INVALID_TYPE, says: ['counts', 'Array'] },
  { changes: { sampler: 'unigram', counts: new Int32Array(9) }, error: OUT_OF_RANGE, says: ['counts', '10', '9'] },
  { changes: { sampler: 'unigram', counts: nan }, error: OUT_OF_RANGE, says: ['counts', 'NaN', '4'] },
  {
    changes: { sampler: 'unigram', counts: Int32Array.from({ length: 10 }, () => -1) },
    error: OUT_OF_RANGE,
    says: ['counts', '-1', '0'],
  },
])('SampledSoftmaxHead: $changes', ({ changes, error, says }) => {
  let caught: unknown
  try {
    new SampledSoftmaxHead({ ...right, ...changes } as never)
  } catch (thrown) {
    caught = thrown
  }
  expect(caught).toMatchObject(error)
  for (const part of says) expect((caught as Error).message).toContain(part)
})
