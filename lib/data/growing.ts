// Typed arrays that grow: what parsers write into, without an object a number.

export class Ints {
  data: Int32Array
  length = 0

  constructor(capacity = 1024) {
    this.data = new Int32Array(capacity)
  }

  push(value: number): void {
    if (this.length === this.data.length) this.reserve(this.length + 1)
    this.data[this.length++] = value
  }

  append(values: ArrayLike<number>): void {
    this.reserve(this.length + values.length)
    this.data.set(values, this.length)
    this.length += values.length
  }

  private reserve(length: number): void {
    if (length <= this.data.length) return
    const larger = new Int32Array(Math.max(length, this.data.length * 2))
    larger.set(this.data.subarray(0, this.length))
    this.data = larger
  }

  /** A copy of what was pushed. */
  toArray(): Int32Array {
    return this.data.slice(0, this.length)
  }
}

export class Floats {
  data: Float32Array
  length = 0

  constructor(capacity = 1024) {
    this.data = new Float32Array(capacity)
  }

  push(value: number): void {
    if (this.length === this.data.length) {
      const larger = new Float32Array(this.data.length * 2)
      larger.set(this.data)
      this.data = larger
    }
    this.data[this.length++] = value
  }

  toArray(): Float32Array {
    return this.data.slice(0, this.length)
  }
}
