// Cutting a line into tokens.

import { LineError } from '../lines.js'
import type { Counter, Vocabulary } from '../vocabulary.js'

/** White-space separated tokens; none of an empty line. */
export function fields(line: string): string[] {
  const trimmed = line.trim()
  return trimmed ? trimmed.split(/\s+/) : []
}

/** Ids of a line alone: separated by white space or, where they hold some themselves, a JSON array of strings or whole numbers. */
export function idsOf(line: string): string[] {
  const array = jsonArray(line)
  return array ? array.map(checkId) : fields(line).map(wellFormed)
}

/** The same for telling formats apart: faults are told when the data are read. */
export function roughIdsOf(line: string): string[] {
  return jsonArray(line)?.map(String) ?? fields(line)
}

/**
 * The ids of the lines of files. Where lines are arrays, one that begins as they do and is none was cut off or mistyped: its pieces
 * are no ids. Where none is, a bracket is a part of an id like others.
 */
export class IdLines {
  private number = 0
  private arrays = false
  /** The first line that begins as an array and is none. */
  private torn = 0

  /** Before the first line of a file. */
  begin(): void {
    this.number = this.torn = 0
    this.arrays = false
  }

  ids(line: string): string[] {
    this.number++
    if (!beginsAsArray(line)) return fields(line)
    const array = jsonArray(line)
    if (array) this.arrays = true
    else this.torn ||= this.number
    if (this.arrays && this.torn) throw this.fault()
    return array?.map(checkId) ?? fields(line)
  }

  private fault(): LineError {
    const which = this.torn === this.number ? 'begins as a JSON array' : `an array, but line ${this.torn} begins as one`
    return new LineError(`${which} and is none, while others of the file are: quotes or brackets are missing`)
  }
}

function beginsAsArray(line: string): boolean {
  return line.trimStart().startsWith('[')
}

function jsonArray(line: string): unknown[] | undefined {
  if (!beginsAsArray(line)) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined // a token that begins with a bracket
  }
}

/** Vocabularies keep one id a line. Numbers beyond 2^53 have lost digits that tell them apart when they have been read. */
function checkId(id: unknown): string {
  if (Number.isSafeInteger(id)) return String(id)
  if (typeof id === 'string' && id !== '' && !/[\n\r]/.test(id)) return wellFormed(id)
  const fault = typeof id === 'number' ? 'an id that is a number must be whole and below 2^53 (quote others)' : FAULT
  throw new LineError(`${fault}, got ${JSON.stringify(id)}`)
}

const FAULT = 'expected an id of one line or a whole number'

/** Half of a pair of UTF-16, which "\ud800" in JSON is, has no UTF-8: it would be another id when a vocabulary is read again. */
function wellFormed(id: string): string {
  return /\p{Surrogate}/u.test(id) ? Buffer.from(id).toString() : id
}

/** The line that `idsOf` makes these of. */
export function joinIds(list: readonly string[]): string {
  const plain = list.every((id) => /^\S+$/.test(id)) && !list[0]?.startsWith('[')
  return plain ? list.join(' ') : JSON.stringify(list)
}

/** Words (with inner apostrophes) and single marks of punctuation. */
const WORDS = /[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}\p{N}_]+)*|[^\s\p{L}\p{M}\p{N}_]/gu

export function words(line: string): string[] {
  return line.match(WORDS) ?? []
}

/** Ids of the tokens the vocabulary has; the others are collected. */
export function known(tokens: readonly string[], vocabulary: Vocabulary): { ids: number[]; unknown: string[] } {
  const ids: number[] = []
  const unknown: string[] = []
  for (const token of tokens) {
    const id = vocabulary.id(token)
    if (id === undefined) unknown.push(token)
    else ids.push(id)
  }
  return { ids, unknown }
}

export function countAll(counter: Counter, tokens: readonly string[]): void {
  for (const token of tokens) counter.add(token)
}

/** True if tokens end as sentences do, or mark documents: no ids of items. */
export function looksLikeProse(tokens: readonly string[]): boolean {
  return tokens.some((token) => /\p{L}[.,;:!?]$/u.test(token) || /^<\/?doc/.test(token))
}
