// Changes to an input: a few random edits, of which some know the format's words, and some make things very long or deep.

import type { Random } from '../../lib/data/random.js'

const LONGEST = 2 ** 16

const NUMBERS = ['0', '-0', '1', '-1', '2', '7', '255', '256', '65535', '65536', '16777216', '2147483647', '2147483648']
  .concat(['4294967295', '4294967296', '9007199254740991', '9007199254740992', '1e999', '-1e999', '1e308', '3.5e38'])
  .concat(['1e-320', '0.5', '.5', '5.', '0x10', '1_000', 'NaN', 'Infinity', '1e3', '+1', '00', '１', ''])

const BYTES = [
  0, 9, 10, 11, 13, 32, 34, 39, 44, 45, 46, 47, 58, 60, 91, 92, 93, 95, 123, 125, 127, 128, 0xa0, 0xbf, 0xc3,
].concat([0xe2, 0xef, 0xf0, 0xfe, 0xff])

/** Anything that is a byte string: the parts of an edit. */
type Edit = (input: Buffer, random: Random, pool: Pool) => Buffer

export interface Pool {
  dictionary: readonly string[]
  inputs: readonly Buffer[]
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random.below(items.length)]
}

/** Where a range of the input begins and ends; short ones more often than long ones. */
function range(input: Buffer, random: Random): [begin: number, end: number] {
  const begin = random.below(input.length + 1)
  const longest = Math.min(input.length - begin, 2 ** random.below(12))
  return [begin, begin + random.below(longest + 1)]
}

function put(input: Buffer, begin: number, end: number, between: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, begin), between, input.subarray(end)])
}

const EDITS: readonly Edit[] = [
  (input, random) => put(input, ...range(input, random), Buffer.alloc(0)),
  (input, random) => {
    const copy = Buffer.from(input)
    if (copy.length) copy[random.below(copy.length)] ^= 1 << random.below(8)
    return copy
  },
  (input, random) => {
    const at = random.below(input.length + 1)
    return put(input, at, at + random.below(2), Buffer.of(pick(BYTES, random)))
  },
  (input, random, { dictionary }) => {
    const at = random.below(input.length + 1)
    return put(input, at, at, Buffer.from(pick(dictionary, random)))
  },
  (input, random, { dictionary }) => put(input, ...range(input, random), Buffer.from(pick(dictionary, random))),
  // A number for a number.
  (input, random) => {
    const numbers = [...input.toString('latin1').matchAll(/\d+(?:\.\d+)?/g)]
    if (!numbers.length) return input
    const { index, 0: text } = pick(numbers, random)
    return put(input, index, index + text.length, Buffer.from(pick(NUMBERS, random)))
  },
  // The same thing again, once or very often.
  (input, random) => {
    const [begin, end] = range(input, random)
    if (begin === end) return input
    const times = Math.min(2 ** random.below(17), Math.floor((LONGEST - input.length) / (end - begin)))
    const piece = input.subarray(begin, end)
    return put(input, begin, end, Buffer.concat(Array(Math.max(1, times)).fill(piece)))
  },
  // A part of another input.
  (input, random, { inputs }) => {
    const other = pick(inputs, random)
    return put(input, ...range(input, random), other.subarray(...range(other, random)))
  },
  // One line in the place of another.
  (input, random) => {
    const lines = input.toString('latin1').split('\n')
    lines[random.below(lines.length)] = pick(lines, random)
    return Buffer.from(lines.join('\n'), 'latin1')
  },
]

export function mutate(input: Buffer, random: Random, pool: Pool): Buffer {
  let changed = input
  for (let edits = 2 ** random.below(4); edits > 0; edits--) changed = pick(EDITS, random)(changed, random, pool)
  return changed.subarray(0, LONGEST)
}
