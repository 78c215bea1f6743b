// Each misuse of a head has its error: class, code, the argument's name and the value received. The head is as it was before.

import { describe, expect, test } from 'vitest'
import {
  type ApplyOptions,
  customLoss,
  DenseHead,
  ExactHead,
  type Head,
  type HeadOptions,
  type LossBatch,
  SampledSoftmaxHead,
  SoftmaxHead,
  squaredError,
  type Targets,
} from '../lib/index.js'
import { range } from './judge/compare.js'
import { squaredErrorByHand } from './judge/custom-losses.js'
import { Random } from './judge/random.js'
import {
  HIDDEN_MISUSES,
  hiddenSize,
  type Misuse,
  numClasses,
  OPTIONS_MISUSES,
  rightHidden,
  rightOptions,
  rightTargets,
  SPARSE_MISUSES,
  TARGETS_MISUSES,
} from './misuse/calls.js'
import { CONSTRUCTION_MISUSES } from './misuse/constructions.js'
import { caught, expectMisuse } from './misuse/expect.js'
import { withoutLoss } from './suites/plan.js'

const HEADS = [
  { name: 'ExactHead', ownLoss: false, create: (options: HeadOptions) => new ExactHead(options) },
  { name: 'DenseHead', ownLoss: false, create: (options: HeadOptions) => new DenseHead(options) },
  { name: 'SoftmaxHead', ownLoss: true, create: (options: HeadOptions) => new SoftmaxHead(withoutLoss(options)) },
  {
    name: 'SampledSoftmaxHead',
    ownLoss: true,
    create: (options: HeadOptions) => new SampledSoftmaxHead(options && { ...withoutLoss(options), samples: 3 }),
  },
]
function started(create: (options: HeadOptions) => Head, changes: Partial<HeadOptions> = {}): Head {
  const weights = Float32Array.from(new Random(1).normals(numClasses * hiddenSize, 0.4))
  const head = create({ numClasses, hiddenSize, loss: squaredError(), init: { kind: 'weights', weights }, ...changes })
  head.step(rightHidden(), rightTargets(), rightOptions())
  return head
}

/** All weights, the number of steps, and what the next step does. */
function state(head: Head): unknown[] {
  const rows = head.rows(range(0, numClasses))
  const steps = (head as ExactHead | DenseHead).diagnostics().steps
  return [rows, steps, head.step(rightHidden(), rightTargets(), rightOptions()), head.rows(range(0, numClasses))]
}

/** Calls each method that takes a minibatch, and checks its error and that nothing has changed. */
async function expectNothingTrained(
  create: (options: HeadOptions) => Head,
  batch: { hidden: unknown; targets: unknown },
  misuse: Misuse,
): Promise<void> {
  const head = started(create)
  const [hidden, targets] = [batch.hidden as Float32Array, batch.targets as Targets]
  expectMisuse(
    caught(() => head.step(hidden, targets, rightOptions())),
    misuse,
  )
  expectMisuse(
    caught(() => head.forward(hidden, targets)),
    misuse,
  )
  expectMisuse(
    caught(() => head.evaluate(hidden, targets)),
    misuse,
  )
  const promise = head.stepAsync(hidden, targets, rightOptions()) // a Promise, whatever is wrong
  expectMisuse(await promise.catch((error) => error), misuse)
  expect(state(head)).toEqual(state(started(create)))
}

describe.each(HEADS)('$name', ({ create, ownLoss }) => {
  test.each(HIDDEN_MISUSES)('hidden: $what', async ({ hidden, ...misuse }) => {
    await expectNothingTrained(create, { hidden, targets: rightTargets() }, misuse)
    const head = started(create)
    expectMisuse(
      caught(() => head.topK(hidden as Float32Array, 2)),
      misuse,
    )
    expectMisuse(
      caught(() => head.logits(hidden as Float32Array, Int32Array.of(1))),
      misuse,
    )
  })

  test.each([...TARGETS_MISUSES, ...SPARSE_MISUSES])('targets: $what', async ({ targets, ...misuse }) => {
    await expectNothingTrained(create, { hidden: rightHidden(), targets }, misuse)
  })

  test.each(OPTIONS_MISUSES)('options: $what', async ({ options, ...misuse }) => {
    const head = started(create)
    const wrong = options as ApplyOptions
    expectMisuse(
      caught(() => head.step(rightHidden(), rightTargets(), wrong)),
      misuse,
    )
    expectMisuse(await head.stepAsync(rightHidden(), rightTargets(), wrong).catch((error) => error), misuse)
    const { apply } = head.forward(rightHidden(), rightTargets())
    expectMisuse(
      caught(() => apply(wrong)),
      misuse,
    )
    expect(state(head)).toEqual(state(started(create)))
  })

  test.each([
    {
      what: 'unsigned',
      classes: Uint32Array.of(1),
      type: 'TypeError',
      code: 'WIDEHEAD_INVALID_TYPE',
      says: ['Uint32Array'],
    },
    { what: 'one number', classes: 3, type: 'TypeError', code: 'WIDEHEAD_INVALID_TYPE', says: ['number'] },
    { what: '-1', classes: Int32Array.of(0, -1), type: 'RangeError', code: 'WIDEHEAD_OUT_OF_RANGE', says: ['-1'] },
    { what: 'D', classes: Int32Array.of(0, 10), type: 'RangeError', code: 'WIDEHEAD_OUT_OF_RANGE', says: ['10'] },
  ] as const)('classes: $what', ({ what: _, classes, type, code, says }) => {
    const head = started(create)
    const misuse = { what: '', type, code, says: ['classes', ...says] }
    const wrong = classes as unknown as Int32Array
    expectMisuse(
      caught(() => head.logits(rightHidden(), wrong)),
      misuse,
    )
    expectMisuse(
      caught(() => head.rows(wrong)),
      misuse,
    )
    expectMisuse(
      caught(() => head.biases(wrong)),
      misuse,
    )
    expect(state(head)).toEqual(state(started(create)))
  })

  test.each([0, -1, 11, 1.5, Number.NaN])('topK with k = %d', (k) => {
    const error = caught(() => started(create).topK(rightHidden(), k))
    expectMisuse(error, { what: '', type: 'RangeError', code: 'WIDEHEAD_OUT_OF_RANGE', says: ['k ', `${k}`] })
  })

  const constructions = CONSTRUCTION_MISUSES.filter(({ changes }) => !(ownLoss && 'loss' in changes))
  test.each(constructions)('construction: $what', ({ changes, ...misuse }) => {
    expectMisuse(
      caught(() => create({ numClasses, hiddenSize, loss: squaredError(), ...changes } as HeadOptions)),
      misuse,
    )
  })

  test('construction: no options', () => {
    const misuse: Misuse = {
      what: '',
      type: 'TypeError',
      code: 'WIDEHEAD_INVALID_TYPE',
      says: ['options', 'undefined'],
    }
    expectMisuse(
      caught(() => create(undefined as unknown as HeadOptions)),
      misuse,
    )
  })

  test('a closed head refuses everything but to be closed', async () => {
    const head = started(create)
    expect(head.closed).toBe(false)
    head.close()
    expect(head.closed).toBe(true)
    const misuse: Misuse = { what: '', type: 'WideheadError', code: 'WIDEHEAD_CLOSED', says: ['closed'] }
    const calls = [
      () => head.step(rightHidden(), rightTargets(), rightOptions()),
      () => head.forward(rightHidden(), rightTargets()),
      () => head.evaluate(rightHidden(), rightTargets()),
      () => head.logits(rightHidden(), Int32Array.of(1)),
      () => head.topK(rightHidden(), 1),
      () => head.rows(Int32Array.of(1)),
      () => head.biases(Int32Array.of(1)),
      () => (head as ExactHead | DenseHead).diagnostics(),
    ]
    for (const call of calls) expectMisuse(caught(call), misuse)
    expectMisuse(await head.stepAsync(rightHidden(), rightTargets(), rightOptions()).catch((error) => error), misuse)
    head.close()
    head[Symbol.dispose]()
    expect(head).toMatchObject({ numClasses, hiddenSize, closed: true })
  })

  test('dispose closes', () => {
    const head = started(create)
    head[Symbol.dispose]()
    expect(head.closed).toBe(true)
  })

  describe('losses', () => {
    const fails = async (loss: Misuse & { compute: (batch: LossBatch) => unknown }) => {
      let armed = false
      const custom = (batch: LossBatch) => {
        squaredErrorByHand(batch)
        if (armed) return loss.compute(batch) as undefined
      }
      const head = started(create, { loss: customLoss(custom) })
      armed = true
      const errors = [
        caught(() => head.step(rightHidden(), rightTargets(), rightOptions())),
        caught(() => head.forward(rightHidden(), rightTargets())),
        caught(() => head.evaluate(rightHidden(), rightTargets())),
        await head.stepAsync(rightHidden(), rightTargets(), rightOptions()).catch((error) => error),
      ]
      armed = false
      expect(state(head)).toEqual(state(started(create, { loss: customLoss(custom) })))
      return errors
    }
    const misuse: Misuse = { what: '', type: 'WideheadError', code: 'WIDEHEAD_LOSS', says: [] }

    test.skipIf(ownLoss).each(['losses', 'gq', 'gs', 'ga'] as const)(
      'a custom loss that leaves NaN or Infinity in %s',
      async (name) => {
        for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
          const compute = (batch: LossBatch) => {
            batch[name][1] = value
          }
          for (const error of await fails({ ...misuse, compute })) {
            expectMisuse(error, { ...misuse, says: [name, Number.isNaN(value) ? 'NaN' : 'Infinity'] })
          }
        }
      },
    )

    test.skipIf(ownLoss)('a custom loss that throws: its own error arrives', async () => {
      const own = new Error('out of cheese')
      const compute = () => {
        throw own
      }
      for (const error of await fails({ ...misuse, compute })) expect(error).toBe(own)
    })

    test.skipIf(ownLoss)('a custom loss that returns a Promise', async () => {
      const compute = async () => {}
      for (const error of await fails({ ...misuse, compute })) expectMisuse(error, { ...misuse, says: ['Promise'] })
    })

    test('outputs that overflow', async () => {
      const hidden = rightHidden().fill(3e38)
      await expectNothingTrained(create, { hidden, targets: rightTargets() }, { ...misuse, says: ['finite'] })
    })

    test.skipIf(ownLoss)('a gradient for hidden that overflows, where the loss does not', () => {
      // Outputs of 1e-5 from weights of 1e18: with gq = 1e30 the gradient is 1e43.
      const steep = customLoss(({ losses, gq, gs, ga }) => {
        losses.fill(1)
        gq.fill(1e30)
        gs.fill(0)
        ga.fill(0)
      })
      const weights = Float32Array.from({ length: numClasses * hiddenSize }, (_, i) => 1e18 * Math.sin(i))
      const head = create({ numClasses, hiddenSize, loss: steep, init: { kind: 'weights', weights } })
      const hidden = rightHidden().fill(1e-23)
      const error = caught(() => head.step(hidden, rightTargets(), rightOptions()))
      expectMisuse(error, { ...misuse, says: ['the gradient for hidden', 'finite'] })
      expect(head.rows(range(0, 2))).toEqual(weights.subarray(0, 2 * hiddenSize))
    })
  })
})
