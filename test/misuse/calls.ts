// What can be wrong with the arguments of a head's methods, and what the error must say.

import type { ApplyOptions, Targets } from '../../lib/index.js'
import { detach } from '../suites/helpers.js'

export interface Misuse {
  what: string
  type: 'TypeError' | 'RangeError' | 'WideheadError'
  code: string
  /** The argument's name and the value received: the message has all of these. */
  says: string[]
}

export interface MinibatchMisuse extends Misuse {
  /** Taken as they are in place of the right ones. */
  hidden?: unknown
  targets?: unknown
}

export interface OptionsMisuse extends Misuse {
  options: unknown
}

export const numClasses = 10
export const hiddenSize = 4
const INVALID_TYPE = { type: 'TypeError', code: 'WIDEHEAD_INVALID_TYPE' } as const
const OUT_OF_RANGE = { type: 'RangeError', code: 'WIDEHEAD_OUT_OF_RANGE' } as const
const DETACHED = { type: 'TypeError', code: 'WIDEHEAD_DETACHED' } as const

export const rightHidden = (): Float32Array =>
  Float32Array.from({ length: 3 * hiddenSize }, (_, i) => (i % 5) / 2 - 0.7)
export const rightTargets = (): Targets => Int32Array.of(7, 2, 7)
export const rightOptions = (): ApplyOptions => ({ learningRate: 0.05 })

function hiddenWith(value: number): Float32Array {
  const hidden = rightHidden()
  hidden[9] = value
  return hidden
}

function detached<T extends Float32Array | Int32Array | Uint32Array>(array: T): T {
  detach(array)
  return array
}

function shared<T extends Float32Array | Int32Array>(array: T): T {
  const Type = array.constructor as new (buffer: SharedArrayBuffer) => T
  const copy = new Type(new SharedArrayBuffer(array.byteLength))
  copy.set(array)
  return copy
}

/** Compressed sparse rows for three examples with five targets; `changes` replaces parts of it. */
function sparse(changes: object = {}): unknown {
  return {
    indptr: Int32Array.of(0, 2, 2, 5),
    indices: Int32Array.of(7, 2, 1, 0, 9),
    values: Float32Array.of(1, 2, 0.5, 1, 3),
    ...changes,
  }
}

export const HIDDEN_MISUSES: MinibatchMisuse[] = [
  { what: 'a plain array', hidden: [1, 2, 3, 4], ...INVALID_TYPE, says: ['hidden', 'Array'] },
  { what: 'a Float64Array', hidden: new Float64Array(12), ...INVALID_TYPE, says: ['hidden', 'Float64Array'] },
  { what: 'nothing', hidden: undefined, ...INVALID_TYPE, says: ['hidden', 'undefined'] },
  { what: 'null', hidden: null, ...INVALID_TYPE, says: ['hidden', 'null'] },
  { what: 'a length that is no multiple of d', hidden: new Float32Array(10), ...OUT_OF_RANGE, says: ['hidden', '10'] },
  { what: 'no example', hidden: new Float32Array(0), ...OUT_OF_RANGE, says: ['hidden', '0'] },
  { what: 'NaN', hidden: hiddenWith(Number.NaN), ...OUT_OF_RANGE, says: ['hidden', 'NaN', '9'] },
  {
    what: 'Infinity',
    hidden: hiddenWith(Number.POSITIVE_INFINITY),
    ...OUT_OF_RANGE,
    says: ['hidden', 'Infinity', '9'],
  },
  {
    what: '-Infinity',
    hidden: hiddenWith(Number.NEGATIVE_INFINITY),
    ...OUT_OF_RANGE,
    says: ['hidden', '-Infinity', '9'],
  },
  { what: 'a detached buffer', hidden: detached(rightHidden()), ...DETACHED, says: ['hidden', 'detached'] },
  {
    what: 'a SharedArrayBuffer',
    hidden: shared(rightHidden()),
    ...INVALID_TYPE,
    says: ['hidden', 'SharedArrayBuffer'],
  },
]

export const TARGETS_MISUSES: MinibatchMisuse[] = [
  { what: 'nothing', targets: undefined, ...INVALID_TYPE, says: ['targets', 'undefined'] },
  { what: 'null', targets: null, ...INVALID_TYPE, says: ['targets', 'null'] },
  { what: 'a Float32Array', targets: new Float32Array(3), ...INVALID_TYPE, says: ['targets', 'Float32Array'] },
  { what: 'a number', targets: 7, ...INVALID_TYPE, says: ['targets', 'number'] },
  { what: 'fewer targets than examples', targets: Int32Array.of(1, 2), ...OUT_OF_RANGE, says: ['targets', '2'] },
  { what: 'more targets than examples', targets: Int32Array.of(1, 2, 3, 4), ...OUT_OF_RANGE, says: ['targets', '4'] },
  { what: 'a negative class', targets: Int32Array.of(1, -3, 2), ...OUT_OF_RANGE, says: ['targets', '-3'] },
  { what: 'class D', targets: Int32Array.of(1, 2, 10), ...OUT_OF_RANGE, says: ['targets', '10'] },
  {
    what: 'an enormous class',
    targets: Uint32Array.of(1, 2, 4294967295),
    ...OUT_OF_RANGE,
    says: ['targets', '4294967295'],
  },
  { what: 'detached targets', targets: detached(Int32Array.of(1, 2, 3)), ...DETACHED, says: ['targets', 'detached'] },
  {
    what: 'shared targets',
    targets: shared(Int32Array.of(1, 2, 3)),
    ...INVALID_TYPE,
    says: ['targets', 'SharedArrayBuffer'],
  },
]

export const SPARSE_MISUSES: MinibatchMisuse[] = [
  { what: 'no indptr', targets: sparse({ indptr: undefined }), ...INVALID_TYPE, says: ['indptr', 'undefined'] },
  {
    what: 'indptr a plain array',
    targets: sparse({ indptr: [0, 2, 2, 5] }),
    ...INVALID_TYPE,
    says: ['indptr', 'Array'],
  },
  {
    what: 'indptr too short',
    targets: sparse({ indptr: Int32Array.of(0, 2, 5) }),
    ...OUT_OF_RANGE,
    says: ['indptr', '3'],
  },
  {
    what: 'indptr not from 0',
    targets: sparse({ indptr: Int32Array.of(1, 2, 2, 5) }),
    ...OUT_OF_RANGE,
    says: ['indptr', '1'],
  },
  {
    what: 'indptr falls',
    targets: sparse({ indptr: Int32Array.of(0, 4, 3, 5) }),
    ...OUT_OF_RANGE,
    says: ['indptr', '3', '4'],
  },
  {
    what: 'indptr negative',
    targets: sparse({ indptr: Int32Array.of(0, -2, 3, 5) }),
    ...OUT_OF_RANGE,
    says: ['indptr', '-2'],
  },
  {
    what: 'indptr past the end',
    targets: sparse({ indptr: Int32Array.of(0, 2, 2, 6) }),
    ...OUT_OF_RANGE,
    says: ['indptr', '6'],
  },
  {
    what: 'indptr far past the end on the way',
    targets: sparse({ indptr: Int32Array.of(0, 2_000_000_000, 2, 5) }),
    ...OUT_OF_RANGE,
    says: ['indptr'],
  },
  {
    what: 'indptr short of the end',
    targets: sparse({ indptr: Int32Array.of(0, 2, 2, 4) }),
    ...OUT_OF_RANGE,
    says: ['indptr', '4', '5'],
  },
  {
    what: 'indices of floats',
    targets: sparse({ indices: new Float32Array(5) }),
    ...INVALID_TYPE,
    says: ['indices', 'Float32Array'],
  },
  {
    what: 'an index below 0',
    targets: sparse({ indices: Int32Array.of(7, 2, -1, 0, 9) }),
    ...OUT_OF_RANGE,
    says: ['indices', '-1'],
  },
  {
    what: 'an index of D',
    targets: sparse({ indices: Uint32Array.of(7, 2, 10, 0, 9) }),
    ...OUT_OF_RANGE,
    says: ['indices', '10'],
  },
  {
    what: 'detached indptr',
    targets: sparse({ indptr: detached(new Int32Array(4)) }),
    ...DETACHED,
    says: ['indptr', 'detached'],
  },
  {
    what: 'detached indices',
    targets: sparse({ indices: detached(new Int32Array(5)) }),
    ...DETACHED,
    says: ['indices', 'detached'],
  },
  {
    what: 'too few values',
    targets: sparse({ values: new Float32Array(4) }),
    ...OUT_OF_RANGE,
    says: ['values', '4', '5'],
  },
  {
    what: 'values in double precision',
    targets: sparse({ values: new Float64Array(5) }),
    ...INVALID_TYPE,
    says: ['values', 'Float64Array'],
  },
  {
    what: 'a value that is NaN',
    targets: sparse({ values: Float32Array.of(1, 1, Number.NaN, 1, 1) }),
    ...OUT_OF_RANGE,
    says: ['values', 'NaN', '2'],
  },
  {
    what: 'a value that is infinite',
    targets: sparse({ values: Float32Array.of(1, 1, 1, Number.NEGATIVE_INFINITY, 1) }),
    ...OUT_OF_RANGE,
    says: ['values', '-Infinity', '3'],
  },
  {
    what: 'detached values',
    targets: sparse({ values: detached(new Float32Array(5)) }),
    ...DETACHED,
    says: ['values', 'detached'],
  },
  {
    what: 'shared values',
    targets: sparse({ values: shared(new Float32Array(5)) }),
    ...INVALID_TYPE,
    says: ['values', 'SharedArrayBuffer'],
  },
]

export const OPTIONS_MISUSES: OptionsMisuse[] = [
  { what: 'no options', options: undefined, ...INVALID_TYPE, says: ['options', 'undefined'] },
  { what: 'options null', options: null, ...INVALID_TYPE, says: ['options', 'null'] },
  { what: 'no learning rate', options: {}, ...INVALID_TYPE, says: ['learningRate', 'undefined'] },
  {
    what: 'a learning rate in words',
    options: { learningRate: '0.1' },
    ...INVALID_TYPE,
    says: ['learningRate', 'string'],
  },
  { what: 'learning rate NaN', options: { learningRate: Number.NaN }, ...OUT_OF_RANGE, says: ['learningRate', 'NaN'] },
  {
    what: 'learning rate negative',
    options: { learningRate: -0.25 },
    ...OUT_OF_RANGE,
    says: ['learningRate', '-0.25'],
  },
  {
    what: 'learning rate infinite',
    options: { learningRate: Number.POSITIVE_INFINITY },
    ...OUT_OF_RANGE,
    says: ['learningRate', 'Infinity'],
  },
  {
    what: 'weight decay NaN',
    options: { learningRate: 0.1, weightDecay: Number.NaN },
    ...OUT_OF_RANGE,
    says: ['weightDecay', 'NaN'],
  },
  {
    what: 'weight decay negative',
    options: { learningRate: 0.1, weightDecay: -0.5 },
    ...OUT_OF_RANGE,
    says: ['weightDecay', '-0.5'],
  },
  {
    what: 'weight decay that leaves nothing',
    options: { learningRate: 0.5, weightDecay: 2 },
    ...OUT_OF_RANGE,
    says: ['learningRate', 'weightDecay', '1'],
  },
  {
    what: 'weight decay of another type',
    options: { learningRate: 0.1, weightDecay: true },
    ...INVALID_TYPE,
    says: ['weightDecay', 'boolean'],
  },
  {
    what: 'clip norm NaN',
    options: { learningRate: 0.1, clipNorm: Number.NaN },
    ...OUT_OF_RANGE,
    says: ['clipNorm', 'NaN'],
  },
  {
    what: 'clip norm negative',
    options: { learningRate: 0.1, clipNorm: -2 },
    ...OUT_OF_RANGE,
    says: ['clipNorm', '-2'],
  },
  {
    what: 'clip norm of another type',
    options: { learningRate: 0.1, clipNorm: '5' },
    ...INVALID_TYPE,
    says: ['clipNorm', 'string'],
  },
]
