// Labels that come with numbers, as classes by falling frequency, which is how the formats with tokens number theirs.
//
// Frequent classes then lie together: rows in a file touch fewer pages, and a sampler by rank knows the ranks.

export class LabelOrder {
  /** The label that each class is. */
  readonly labels: Uint32Array
  /** The class that each label is. */
  readonly classes: Uint32Array
  /** How often each class occurs. */
  readonly counts: Float64Array

  /** Ties, and labels that do not occur, stay in the order of their numbers. */
  constructor(labelCounts: Float64Array) {
    const labels = new Uint32Array(labelCounts.length)
    let seen = 0
    for (let label = 0; label < labels.length; label++) if (labelCounts[label] > 0) labels[seen++] = label
    labels.subarray(0, seen).sort((a, b) => labelCounts[b] - labelCounts[a] || a - b)
    for (let label = 0; label < labels.length; label++) if (!(labelCounts[label] > 0)) labels[seen++] = label
    this.labels = labels
    this.classes = new Uint32Array(labels.length)
    this.counts = new Float64Array(labels.length)
    for (let id = 0; id < labels.length; id++) {
      this.classes[labels[id]] = id
      this.counts[id] = labelCounts[labels[id]]
    }
  }
}
