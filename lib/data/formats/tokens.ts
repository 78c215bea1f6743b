// Cutting a line into tokens.

import { LineError } from '../lines.js'
import type { Counter, Vocabulary } from '../vocabulary.js'

/** White-space separated tokens; none of an empty line. */
export function fields(line: string): string[] {
  const trimmed = line.trim()
  return trimmed ? trimmed.split(/\s+/) : []
}

/** Ids of a line: separated by white space or, where they hold some themselves, a JSON array of strings or numbers. */
export function idsOf(line: string): string[] {
  const trimmed = line.trimStart()
  const array = trimmed.startsWith('[') ? jsonArray(trimmed) : undefined
  return array ? array.map(checkId) : fields(line)
}

function jsonArray(text: string): unknown[] | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // a token that begins with a bracket
  }
}

/** Vocabularies keep one id a line. */
function checkId(id: unknown): string {
  if (typeof id === 'number') return String(id)
  if (typeof id === 'string' && id !== '' && !/[\n\r]/.test(id)) return id
  throw new LineError(`expected an id of one line or a number, got ${JSON.stringify(id)}`)
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
