// Seeded numbers for the tests: every stream of examples is the same on every machine and in every run.

/** Mulberry32: 32 bits of state, good enough to draw test data. */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** In [0, 1). */
  uniform(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform()
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.uniform() * count)
  }

  /** Mean 0, variance 1 (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }

  normals(count: number, scale = 1): Float64Array {
    return Float64Array.from({ length: count }, () => scale * this.normal())
  }
}

/** Draws class c with a probability in proportion to 1 / (c + 1). */
export class Zipf {
  private readonly cumulative: Float64Array

  constructor(count: number) {
    this.cumulative = new Float64Array(count)
    let sum = 0
    for (let c = 0; c < count; c++) {
      sum += 1 / (c + 1)
      this.cumulative[c] = sum
    }
  }

  draw(random: Random): number {
    const u = random.uniform() * this.cumulative[this.cumulative.length - 1]
    let low = 0
    let high = this.cumulative.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.cumulative[middle] > u) high = middle
      else low = middle + 1
    }
    return low
  }
}
