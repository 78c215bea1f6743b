// Values of options of the command line: numbers, whole numbers and widths. What is accepted is the same when it is
// written and parsed again.

import { approximate, integer, number, widths } from '../../../lib/cli/arguments.js'
import { accepted, must, mustEqual, type Target } from '../target.js'

const inRange = (low: number, high: number) => (value: number) =>
  Number.isSafeInteger(value) && value >= low && value <= high
const search = approximate('').parseArg as (text: string, before: undefined) => number

const PARSERS: { parse: (text: string) => number; right: (value: number) => boolean }[] = [
  { parse: number(), right: Number.isFinite },
  { parse: number({ minimum: 0 }), right: (value) => Number.isFinite(value) && value >= 0 },
  { parse: number({ above: 0 }), right: (value) => Number.isFinite(value) && value > 0 },
  { parse: integer(0), right: inRange(0, Number.MAX_SAFE_INTEGER) },
  { parse: integer(1, 2 ** 30), right: inRange(1, 2 ** 30) },
  { parse: (text) => search(text, undefined), right: inRange(1, 0x7fffffff) },
]

export const values: Target = {
  name: 'values',
  dictionary: ['none', ',', '300', '1e-3', '-', '+', '.', '0x', 'Infinity', 'NaN', ' ', '\u0661', '_', 'n'],
  seeds: ['0', '1e-3', '300,200', 'none', '65537', '-1', ' 7 '],

  async check(input) {
    const text = input.toString('utf8')
    for (const { parse, right } of PARSERS) {
      const result = await accepted(input, () => parse(text))
      if (!result) continue
      must(right(result.value), `${result.value} is out of range`)
      mustEqual(parse(String(result.value)), result.value, 'value')
    }
    const result = await accepted(input, () => widths(text))
    if (!result) return
    must(result.value.every(inRange(1, 65536)), `widths ${result.value}`)
    mustEqual(widths(result.value.join(',') || 'none'), result.value, 'widths')
  },
}
