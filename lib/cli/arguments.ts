// Parsers of option values; what they refuse is a mistake of the command line.

import { InvalidArgumentError, Option } from 'commander'
import type { Interval } from './checkpoints.js'
import { headsWith } from './heads.js'

export function number(options: { minimum?: number; above?: number } = {}): (text: string) => number {
  const { minimum = -Infinity, above = -Infinity } = options
  return (text) => {
    const value = text.trim() ? Number(text) : Number.NaN
    if (!Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.')
    if (value < minimum) throw new InvalidArgumentError(`It must be at least ${minimum}.`)
    if (value <= above) throw new InvalidArgumentError(`It must be above ${above}.`)
    return value
  }
}

export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
    const value = Number(text)
    if (value < minimum) throw new InvalidArgumentError(`It must be at least ${minimum}.`)
    if (value > maximum) throw new InvalidArgumentError(`It must be at most ${maximum}.`)
    return value
  }
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }

/** `500` steps, or a time: `30s`, `10m`, `2h`. */
export function interval(text: string): Interval {
  const [, digits, unit] = /^(\d{1,9})([smh]?)$/.exec(text) ?? []
  const count = Number(digits ?? 0)
  if (count === 0) throw new InvalidArgumentError('It must be a number of steps, or a time as 30s, 10m or 2h.')
  return unit ? { milliseconds: count * UNITS[unit] } : { steps: count }
}

/** `300` or `300,200`, or `none`. */
export function widths(text: string): number[] {
  return text === 'none' ? [] : text.split(',').map(integer(1, 65536))
}

/** `--approximate` or `--approximate 2000`, in the commands that rank; `but` is what else changes, or does not. */
export function approximate(but: string): Option {
  const searching = headsWith(({ searches }) => searches === true)
  const text = `${searching}: rank by the search in the hash tables, computing outputs of at most n classes (1024); ${but}`
  return new Option('--approximate [n]', text).argParser(integer(1, 0x7fffffff))
}
