// Metrics of ranked lists, each as the papers of its field define it. An example adds its best classes, best first, and its
// true ones; classes the model cannot rank (`missing`) count as true and never found.

export interface Metrics {
  /** How many ranked classes an example needs. */
  readonly depth: number
  add(ranked: Int32Array, truth: Int32Array, missing: number): void
  result(): Record<string, number>
}

/** Share of examples whose one true class is ranked first, or among the first 10. */
export class TopAccuracy implements Metrics {
  readonly depth = 10
  private examples = 0
  private first = 0
  private ten = 0

  add(ranked: Int32Array, truth: Int32Array): void {
    this.examples++
    const place = truth.length ? ranked.indexOf(truth[0]) : -1
    if (place === 0) this.first++
    if (place >= 0 && place < 10) this.ten++
  }

  result(): Record<string, number> {
    return { top1: this.first / this.examples, top10: this.ten / this.examples }
  }
}

/** Hit rate and mean reciprocal rank of one true class among the first 20 (a rank beyond adds 0). */
export class NextItem implements Metrics {
  readonly depth = 20
  private examples = 0
  private hits = 0
  private reciprocal = 0

  add(ranked: Int32Array, truth: Int32Array): void {
    this.examples++
    const place = truth.length ? ranked.subarray(0, 20).indexOf(truth[0]) : -1
    if (place < 0) return
    this.hits++
    this.reciprocal += 1 / (place + 1)
  }

  result(): Record<string, number> {
    return { 'hr@20': this.hits / this.examples, 'mrr@20': this.reciprocal / this.examples }
  }
}

/**
 * Recall@20 = hits / |truth|; NDCG@20 with gain 1, discount log2(rank + 1), over the best possible of min(20, |truth|);
 * both averaged over the examples that have a true class (He et al. 2020, arXiv 2002.02126, and their code).
 */
export class SetRecall implements Metrics {
  readonly depth = 20
  private examples = 0
  private recall = 0
  private ndcg = 0

  add(ranked: Int32Array, truth: Int32Array, missing: number): void {
    const wanted = truth.length + missing
    if (!wanted) return
    this.examples++
    const set = new Set(truth)
    let hits = 0
    let gain = 0
    let best = 0
    for (let place = 0; place < 20; place++) {
      const discount = 1 / Math.log2(place + 2)
      if (place < wanted) best += discount
      if (place >= ranked.length || !set.has(ranked[place])) continue
      hits++
      gain += discount
    }
    this.recall += hits / wanted
    this.ndcg += gain / best
  }

  result(): Record<string, number> {
    return { 'recall@20': this.recall / this.examples, 'ndcg@20': this.ndcg / this.examples }
  }
}

/**
 * Weights 1/p of the labels, rarer ones more: p = 1 / (1 + C (N_l + B)^-A), C = (log N - 1) (B + 1)^A, with N training
 * examples, N_l of them with label l, A = 0.55, B = 1.5 (Jain, Prabhu and Varma 2016, KDD, section 4).
 */
export function inversePropensities(labelCounts: Float64Array, examples: number): Float64Array {
  const a = 0.55
  const b = 1.5
  const c = (Math.log(examples) - 1) * (b + 1) ** a
  return labelCounts.map((count) => 1 + c * (count + b) ** -a)
}

/**
 * P@k: share of the first k that are true. PSP@k: the same with each hit weighted 1/p, over the best possible such sum of
 * each example; a ratio of the two sums over all examples.
 */
export class LabelPrecision implements Metrics {
  readonly depth = 5
  private examples = 0
  private readonly hits = [0, 0, 0]
  private readonly gain = [0, 0, 0]
  private readonly best = [0, 0, 0]
  private static readonly cuts = [1, 3, 5]

  constructor(private readonly weights: Float64Array) {}

  add(ranked: Int32Array, truth: Int32Array): void {
    this.examples++
    const set = new Set(truth)
    const possible = Float64Array.from(truth, (label) => this.weights[label])
      .sort()
      .reverse()
    LabelPrecision.cuts.forEach((k, cut) => {
      for (let place = 0; place < k; place++) {
        if (place < possible.length) this.best[cut] += possible[place]
        if (place >= ranked.length || !set.has(ranked[place])) continue
        this.hits[cut]++
        this.gain[cut] += this.weights[ranked[place]]
      }
    })
  }

  result(): Record<string, number> {
    const { cuts } = LabelPrecision
    const precision = cuts.map((k, cut) => [`p@${k}`, this.hits[cut] / (k * this.examples)])
    const scored = cuts.map((k, cut) => [`psp@${k}`, this.gain[cut] / this.best[cut]])
    return Object.fromEntries([...precision, ...scored])
  }
}
