// What can be wrong with the options of a head or a loss, and what the error must say.

import { customLoss, sphericalSoftmax, squaredError, weightedSquaredError, zLoss } from '../../lib/index.js'
import { detach } from '../suites/helpers.js'
import type { Misuse } from './calls.js'

export interface ConstructionMisuse extends Misuse {
  /** Replaces parts of the right options: 10 classes, 4 features. */
  changes: object
}

export interface LossMisuse extends Misuse {
  create: () => unknown
}

const INVALID_TYPE = { type: 'TypeError', code: 'WIDEHEAD_INVALID_TYPE' } as const
const OUT_OF_RANGE = { type: 'RangeError', code: 'WIDEHEAD_OUT_OF_RANGE' } as const

const gone = new Float32Array(40)
detach(gone)
const withNaN = new Float32Array(40)
withNaN[17] = Number.NaN

export const CONSTRUCTION_MISUSES: ConstructionMisuse[] = [
  ...[0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31].map((numClasses) => ({
    what: `numClasses ${numClasses}`,
    changes: { numClasses },
    ...OUT_OF_RANGE,
    says: ['numClasses', `${numClasses}`],
  })),
  ...[0, -4, 1.5, Number.NaN, 65537].map((hiddenSize) => ({
    what: `hiddenSize ${hiddenSize}`,
    changes: { hiddenSize },
    ...OUT_OF_RANGE,
    says: ['hiddenSize', `${hiddenSize}`],
  })),
  { what: 'numClasses in words', changes: { numClasses: '10' }, ...INVALID_TYPE, says: ['numClasses', 'string'] },
  { what: 'no hiddenSize', changes: { hiddenSize: undefined }, ...INVALID_TYPE, says: ['hiddenSize', 'undefined'] },
  { what: 'no loss', changes: { loss: undefined }, ...INVALID_TYPE, says: ['loss', 'undefined'] },
  { what: 'a loss by its name', changes: { loss: 'z-loss' }, ...INVALID_TYPE, says: ['loss', 'string'] },
  { what: 'a loss of the caller’s own making', changes: { loss: { name: 'hinge' } }, ...INVALID_TYPE, says: ['loss'] },
  { what: 'bias in words', changes: { bias: 'yes' }, ...INVALID_TYPE, says: ['bias', 'string'] },
  ...[-1, 0.5, Number.NaN, 2 ** 53].map((seed) => ({
    what: `seed ${seed}`,
    changes: { seed },
    ...OUT_OF_RANGE,
    says: ['seed', `${seed}`],
  })),
  { what: 'init in a word', changes: { init: 'zeros' }, ...INVALID_TYPE, says: ['init', 'string'] },
  { what: 'an unknown init', changes: { init: { kind: 'xavier' } }, ...OUT_OF_RANGE, says: ['init', 'xavier'] },
  {
    what: 'a negative scale',
    changes: { init: { kind: 'normal', scale: -1 } },
    ...OUT_OF_RANGE,
    says: ['scale', '-1'],
  },
  {
    what: 'a scale of NaN',
    changes: { init: { kind: 'uniform', scale: Number.NaN } },
    ...OUT_OF_RANGE,
    says: ['scale', 'NaN'],
  },
  { what: 'no scale', changes: { init: { kind: 'normal' } }, ...INVALID_TYPE, says: ['scale', 'undefined'] },
  {
    what: 'weights of the wrong length',
    changes: { init: { kind: 'weights', weights: new Float32Array(41) } },
    ...OUT_OF_RANGE,
    says: ['weights', '40', '41'],
  },
  {
    what: 'weights of the wrong type',
    changes: { init: { kind: 'weights', weights: new Float64Array(40) } },
    ...INVALID_TYPE,
    says: ['weights', 'Float64Array'],
  },
  {
    what: 'weights that were transferred away',
    changes: { init: { kind: 'weights', weights: gone } },
    type: 'TypeError',
    code: 'WIDEHEAD_DETACHED',
    says: ['weights', 'detached'],
  },
  {
    what: 'weights that are shared',
    changes: { init: { kind: 'weights', weights: new Float32Array(new SharedArrayBuffer(160)) } },
    ...INVALID_TYPE,
    says: ['weights', 'SharedArrayBuffer'],
  },
  {
    what: 'a weight that is NaN',
    changes: { init: { kind: 'weights', weights: withNaN } },
    ...OUT_OF_RANGE,
    says: ['weights', 'NaN', '17'],
  },
  {
    what: 'biases for a head without',
    changes: { init: { kind: 'weights', weights: new Float32Array(40), biases: new Float32Array(10) } },
    ...OUT_OF_RANGE,
    says: ['biases', 'false'],
  },
  {
    what: 'biases of the wrong length',
    changes: { bias: true, init: { kind: 'weights', weights: new Float32Array(40), biases: new Float32Array(9) } },
    ...OUT_OF_RANGE,
    says: ['biases', '10', '9'],
  },
  {
    what: 'more than any memory',
    changes: { numClasses: 2 ** 31 - 1, hiddenSize: 65536, init: { kind: 'zeros' } },
    type: 'RangeError',
    code: 'WIDEHEAD_OUT_OF_MEMORY',
    says: ['memory'],
  },
]

export const LOSS_MISUSES: LossMisuse[] = [
  ...[-0.1, Number.NaN, Number.POSITIVE_INFINITY].map((negativeWeight) => ({
    what: `negativeWeight ${negativeWeight}`,
    create: () => weightedSquaredError({ negativeWeight, positiveWeight: 1 }),
    ...OUT_OF_RANGE,
    says: ['negativeWeight', `${negativeWeight}`],
  })),
  {
    what: 'positiveWeight below 0',
    create: () => weightedSquaredError({ negativeWeight: 1, positiveWeight: -1 }),
    ...OUT_OF_RANGE,
    says: ['positiveWeight', '-1'],
  },
  {
    what: 'negativeWeight in words',
    create: () => weightedSquaredError({ negativeWeight: '1' as unknown as number }),
    ...INVALID_TYPE,
    says: ['negativeWeight', 'string'],
  },
  { what: 'epsilon 0', create: () => sphericalSoftmax({ epsilon: 0 }), ...OUT_OF_RANGE, says: ['epsilon', '0'] },
  { what: 'alpha 0', create: () => zLoss({ alpha: 0, beta: 1 }), ...OUT_OF_RANGE, says: ['alpha', '0'] },
  { what: 'beta NaN', create: () => zLoss({ alpha: 1, beta: Number.NaN }), ...OUT_OF_RANGE, says: ['beta', 'NaN'] },
  {
    what: 'a custom loss that is no function',
    create: () => customLoss(squaredError() as unknown as () => void),
    ...INVALID_TYPE,
    says: ['compute', 'object'],
  },
]
