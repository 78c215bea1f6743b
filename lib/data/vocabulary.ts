// Tokens and their ids: counted in one pass, numbered by falling frequency (ties by first appearance).

import { WideheadError } from '../errors.js'

/** V8's Map holds at most 2^24 entries. */
const MOST_TOKENS = 16_000_000

export class Vocabulary {
  private readonly ids = new Map<string, number>()

  constructor(
    readonly tokens: readonly string[],
    /** How often each occurred in the training data. */
    readonly counts: Float64Array,
  ) {
    tokens.forEach((token, id) => {
      this.ids.set(token, id)
    })
    if (this.ids.size !== tokens.length) {
      const twice = tokens.find((token, id) => this.ids.get(token) !== id)
      throw new WideheadError('WIDEHEAD_DATA', `vocabulary holds ${JSON.stringify(twice)} twice`)
    }
  }

  get size(): number {
    return this.tokens.length
  }

  /** The token's id, or undefined. */
  id(token: string): number | undefined {
    return this.ids.get(token)
  }
}

export class Counter {
  private readonly counts = new Map<string, number>()
  total = 0

  constructor(private readonly most = MOST_TOKENS) {}

  add(token: string): void {
    this.total++
    const count = this.counts.get(token)
    if (count !== undefined) this.counts.set(token, count + 1)
    else this.addNew(token)
  }

  private addNew(token: string): void {
    if (this.counts.size >= this.most) {
      throw new WideheadError('WIDEHEAD_DATA', `more than ${this.most} different tokens: is this the right format?`)
    }
    // A long match of a regular expression is a slice that would keep its whole chunk of the file alive: copy it.
    this.counts.set(token.length < 13 ? token : Buffer.from(token).toString(), 1)
  }

  /** Tokens seen `atLeast` times, at most `most` of them; `unknown` comes before all others and stands for the rest. */
  vocabulary(options: { atLeast?: number; most?: number; unknown?: string } = {}): Vocabulary {
    const { atLeast = 1, most = Infinity, unknown } = options
    const kept = [...this.counts].filter(([token, count]) => count >= atLeast && token !== unknown)
    kept.sort((a, b) => b[1] - a[1]) // a stable sort: ties stay in order of first appearance
    if (kept.length > most) kept.length = most
    if (unknown !== undefined) {
      kept.unshift([unknown, this.total - kept.reduce((sum, [, count]) => sum + count, 0)])
    }
    return new Vocabulary(
      kept.map(([token]) => token),
      Float64Array.from(kept, ([, count]) => count),
    )
  }
}
