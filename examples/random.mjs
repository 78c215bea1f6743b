// Seeded random numbers, so that an example prints the same in every run (Mulberry32).

export class Random {
  #state

  constructor(seed) {
    this.#state = seed >>> 0
  }

  /** In [0, 1). */
  uniform() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number in [0, count). */
  below(count) {
    return Math.floor(this.uniform() * count)
  }

  /** A whole number in [0, count), small ones far more often: as words, items and tags are in real data (Zipf's law). */
  rank(count) {
    return Math.floor((count + 1) ** this.uniform()) - 1
  }

  /** Mean 0, variance 1. */
  normal() {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }

  normals(count, scale = 1) {
    return Float32Array.from({ length: count }, () => scale * this.normal())
  }
}
