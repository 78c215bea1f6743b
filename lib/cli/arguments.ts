// Parsers of option values; what they refuse is a mistake of the command line.

import { InvalidArgumentError, Option } from 'commander'
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
