// Cutting a line into tokens.

import type { Counter, Vocabulary } from '../vocabulary.js'

/** White-space separated tokens; none of an empty line. */
export function fields(line: string): string[] {
  const trimmed = line.trim()
  return trimmed ? trimmed.split(/\s+/) : []
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
