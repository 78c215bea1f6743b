// What a fuzz target is, and what no parser may do whatever it is given.

import { InvalidArgumentError } from 'commander'
import { LineError } from '../../lib/data/lines.js'
import { WideheadError } from '../../lib/errors.js'

export interface Target {
  name: string
  /** Pieces of valid inputs, which the mutator puts in. */
  dictionary: readonly string[]
  /** Where the search starts, beside the kept corpus. */
  seeds: readonly string[]
  /** Throws Violation if the parser does what it may not. `folder` is for files of this call. */
  check(input: Buffer, folder: string): Promise<void>
}

/** A parser broke its contract. */
export class Violation extends Error {}

/** Memory that one input may take beyond what was in use: so much for every byte, and this for none. */
const BYTES_PER_BYTE = 1024
const BYTES_FOR_NONE = 96 * 2 ** 20

/**
 * Calls the parser. Undefined if it refused the input as it may: with a LineError, a WideheadError, or a TypeError or
 * RangeError that carries one of our codes (InvalidArgumentError is commander's), and a message that does not outgrow the input.
 */
export async function accepted<T>(input: Buffer, parse: () => T | Promise<T>): Promise<{ value: T } | undefined> {
  const before = process.resourceUsage().maxRSS
  try {
    return { value: await parse() }
  } catch (error) {
    if (!isRefusal(error)) throw error instanceof Violation ? error : new Violation(`threw ${story(error)}`)
    const { message } = error as Error
    if (message.length > 4 * input.length + 2000) throw new Violation(`a message of ${message.length} characters`)
    return undefined
  } finally {
    // The peak of the process only grows when this input needed more than all before.
    const grown = (process.resourceUsage().maxRSS - before) * 1024
    if (grown > BYTES_FOR_NONE + BYTES_PER_BYTE * input.length) {
      // biome-ignore lint/correctness/noUnsafeFinally: memory is the worse fault of the two
      throw new Violation(`${Math.round(grown / 2 ** 20)} MiB for ${input.length} bytes`)
    }
  }
}

function isRefusal(error: unknown): boolean {
  if (error instanceof LineError || error instanceof WideheadError || error instanceof InvalidArgumentError) return true
  const { code } = error as { code?: unknown }
  return (
    (error instanceof TypeError || error instanceof RangeError) &&
    typeof code === 'string' &&
    code.startsWith('WIDEHEAD_')
  )
}

function story(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message).slice(0, 2000) : String(error)
}

export function must(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Violation(rule)
}

/** Equal as JSON, which has no -0 and no order of keys to lose. */
export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  must(found === wanted, `${what}: ${found?.slice(0, 300)} is not ${wanted?.slice(0, 300)}`)
}

/** What JSON is made of, for the dictionaries of targets that read it. */
export const JSON_MARKS = ['{', '}', '[', ']', ',', ':', '"']
