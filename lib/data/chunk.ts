// Part of a corpus in memory: parsed records side by side in flat arrays, and one entry an example that points into them.

import { Floats, Ints } from './growing.js'

/** Numbers a chunk may hold beside its limit of examples, so that long records cannot fill the memory (256 MiB). */
const MOST_NUMBERS = 2 ** 26

export class Chunk {
  /** Records one after the other, in the layout of the format that wrote them. */
  readonly ids = new Ints()
  /** Parallel to ids in formats whose inputs have values, otherwise empty. */
  readonly values = new Floats()
  /** Where each example's record starts in ids, and a second number of the format's own. */
  readonly starts = new Ints()
  readonly marks = new Ints()

  get size(): number {
    return this.starts.length
  }

  example(start: number, mark = 0): void {
    this.starts.push(start)
    this.marks.push(mark)
  }

  full(examples: number): boolean {
    return this.size >= examples || this.ids.length >= MOST_NUMBERS
  }
}
