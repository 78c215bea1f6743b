// Approximate search for the classes with the highest outputs, over a copy of a head's rows.

import { allocate, checkHidden, checkInteger, checkNumber, checkObject } from './check.js'
import { rangeError, WideheadError } from './errors.js'
import type { Head, TopK } from './heads/types.js'
import type { NativeIndex, NativeIndexOptions } from './index-binding.js'
import { native } from './native.js'

/**
 * Options of {@link Head.index}; the defaults are meant to do.
 *
 * @category Search index
 */
export interface IndexOptions {
  /**
   * The share of the ten best classes that a search should find by default, 0.5 to 0.999. Default 0.95. The number of cells that
   * are searched by default is chosen for it.
   */
  recall?: number
  /**
   * Hidden vectors like those that will be searched for, n * hiddenSize, n from 1 to 65536; a few hundred are enough. By them the
   * default number of cells is chosen. Default: 256 rows of W with noise, at a cosine of 0.5 to the row, and twice the cells that
   * those need; with vectors of your network the recall that is asked for is met more exactly.
   */
  queries?: Float32Array
  /** Cells that the rows are sorted into, 1 to numClasses. Default: four times the root of numClasses. */
  cells?: number
  /** Seed of what is random in it: a whole number from 0 to 2^53 - 1. Default 0. */
  seed?: number
}

/**
 * Options of one search.
 *
 * @category Search index
 */
export interface SearchOptions {
  /** Cells searched, 1 and above: more find more and take longer. Default: what the index chose, `probes` of diagnostics(). */
  probes?: number
  /** Classes whose outputs are computed exactly, k to numClasses. Default 6 k + 40. */
  shortlist?: number
}

/**
 * Facts about an index.
 *
 * @category Search index
 */
export interface IndexDiagnostics {
  /** Cells that the rows are sorted into. */
  cells: number
  /** Lists of rows: a cell with very many rows is cut in several, each of which counts as a probe. */
  lists: number
  /** Lists that a search reads by default. */
  probes: number
  /** Bytes held: the copy of the rows, (d + 16) / 2 a class for the codes, and the cells. */
  bytes: number
}

/**
 * An index over the rows that a head had when head.index() was called; the head may train on, or be closed, and the index stays
 * what it was. Rows are sorted into cells; a search reads those cells that promise most, four bits a weight, and computes the
 * outputs of the best exactly, so that what it returns are outputs and what it may do is miss classes. Same rows, options and
 * instruction set give the same results on any number of threads.
 *
 * @category Search index
 */
export class SearchIndex {
  /** D, the number of classes. */
  readonly numClasses: number
  /** d, the length of one hidden vector. */
  readonly hiddenSize: number
  #native: NativeIndex | undefined

  /** @internal Not for callers: head.index() makes one. */
  constructor(handle: NativeIndex, numClasses: number, hiddenSize: number) {
    this.#native = handle
    this.numClasses = numClasses
    this.hiddenSize = hiddenSize
  }

  /** True once close() was called. */
  get closed(): boolean {
    return this.#native === undefined
  }

  /**
   * About the k classes with the highest outputs (squares of outputs where the head's loss ranks by those), as {@link Head.topK} gives
   * them: what it returns are outputs, and what it may do is miss classes.
   *
   * @param hidden m hidden vectors, m * d numbers, row-major, finite
   * @param k classes for each of them, 1 to D
   * @param options how much is looked at
   * @throws a TypeError or RangeError for wrong arguments; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  search(hidden: Float32Array, k: number, options: SearchOptions = {}): TopK {
    checkInteger('k', k, 1, this.numClasses)
    checkObject('options', options)
    const { probes, shortlist } = options
    if (probes !== undefined) checkInteger('probes', probes, 1, 0x7fffffff)
    const products = checkInteger('shortlist', shortlist ?? Math.min(this.numClasses, 6 * k + 40), k, this.numClasses)
    const m = checkHidden(hidden, this.hiddenSize)
    // After all getters: they are code of the caller's, which may close the index.
    const index = this.#open()
    const logits = allocate('search', m * k)
    const classes = new Int32Array(logits.length)
    native.searchIndex(index, classes, logits, hidden, k, probes ?? 0, products)
    return { classes, logits }
  }

  /**
   * Sizes, and how many lists a search reads.
   *
   * @throws WIDEHEAD_CLOSED
   */
  diagnostics(): IndexDiagnostics {
    return native.describeIndex(this.#open())
  }

  /** Frees the memory; every later call but this one fails with WIDEHEAD_CLOSED. */
  close(): void {
    if (this.#native) native.closeIndex(this.#native)
    this.#native = undefined
  }

  /** close(), for `using index = ...`. */
  [Symbol.dispose](): void {
    this.close()
  }

  #open(): NativeIndex {
    if (!this.#native) throw new WideheadError('WIDEHEAD_CLOSED', 'the index is closed')
    return this.#native
  }
}

const MOST_QUERIES = 65536

/** What head.index() asks of the addon. */
export function readIndexOptions({ numClasses, hiddenSize, loss }: Head, options: IndexOptions): NativeIndexOptions {
  checkObject('options', options)
  // Read once, and before the array is looked at: getters are code of the caller's.
  const { queries, recall, seed, cells = Math.ceil(Math.min(numClasses / 4, 4 * Math.sqrt(numClasses))) } = options
  if (queries !== undefined && checkHidden(queries, hiddenSize, 1, 'queries') > MOST_QUERIES) {
    throw rangeError(`queries must hold at most ${MOST_QUERIES} hidden vectors, got ${queries.length / hiddenSize}`)
  }
  return {
    cells: checkInteger('cells', cells, 1, numClasses),
    recall: checkNumber('recall', recall ?? 0.95, 0.5, 0.999),
    seed: checkInteger('seed', seed ?? 0, 0, Number.MAX_SAFE_INTEGER),
    ...(queries && { queries: queries.slice() }), // what becomes of the caller's does not matter
    square: loss.ranking === 'square',
  }
}
