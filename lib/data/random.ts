// Seeded random numbers of the data pipeline: xoshiro128** (Blackman and Vigna 2018). Each use (an epoch's shuffle, a set's
// split) opens its own stream from (seed, purpose, epoch), so that nothing random is carried from one epoch into the next.

/** One avalanche of a 32-bit word (the finaliser of MurmurHash3). */
function mix(word: number): number {
  let x = word | 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}

export class Random {
  private a = 0x9e3779b9 | 0
  private b = 0x243f6a88
  private c = 0xb7e15162 | 0
  private d = 0x452821e6

  /** Whole numbers from 0 to 2^53 - 1, any number of them; each changes the stream. */
  constructor(...seeds: number[]) {
    for (const seed of seeds) {
      for (const word of [seed % 2 ** 32, Math.floor(seed / 2 ** 32)]) {
        this.a = mix(this.a ^ (word | 0))
        this.b = mix(this.b + this.a)
        this.c = mix(this.c ^ this.b)
        this.d = mix(this.d + this.c)
      }
    }
    for (let i = 0; i < 8; i++) this.word()
  }

  /** A whole number from 0 to 2^32 - 1. */
  word(): number {
    const scrambled = Math.imul(this.b, 5)
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0
    const shifted = this.b << 9
    this.c ^= this.a
    this.d ^= this.b
    this.b ^= this.c
    this.a ^= this.d
    this.c ^= shifted
    this.d = (this.d << 11) | (this.d >>> 21)
    return result
  }

  /** A whole number from 0 to limit - 1 (limit up to 2^32; the bias is below limit / 2^32). */
  below(limit: number): number {
    return Math.floor((this.word() / 2 ** 32) * limit)
  }
}

/** Puts the first `count` places of `items` (default: all) into random order, drawn from the whole of it. */
export function shuffle(items: Int32Array | number[], random: Random, count = items.length): void {
  for (let i = 0; i < count; i++) {
    const j = i + random.below(items.length - i)
    const item = items[i]
    items[i] = items[j]
    items[j] = item
  }
}
