// One quantity of one run over its steps, of bounded size however long the run: neighbouring points share a bucket, which
// keeps its lowest and its highest point, so that no peak is lost.

export interface Point {
  step: number
  /** Since the start of the run. */
  seconds: number
  value: number
}

/** Points side by side: what the page draws. */
export interface Columns {
  step: number[]
  seconds: number[]
  value: number[]
}

interface Bucket {
  count: number
  /** In order of steps: the first, the lowest, the highest and the last, some of which may be the same. */
  points: Point[]
}

/** A curve has at most twice as many points, and two. */
const MOST_BUCKETS = 600

export class Curve {
  private buckets: Bucket[] = []
  /** Points a bucket. */
  private stride = 1

  get last(): Point | undefined {
    return this.buckets.at(-1)?.points.at(-1)
  }

  /** Steps grow; one that does not takes the place of what came after it, which a resumed run does again. */
  push(point: Point): void {
    if (this.last && point.step <= this.last.step) this.rewind(point.step)
    const bucket = this.buckets.at(-1)
    if (bucket && bucket.count < this.stride) this.buckets[this.buckets.length - 1] = merge(bucket, of(point))
    else this.buckets.push(of(point))
    if (this.buckets.length > MOST_BUCKETS) this.halve()
  }

  /** Forgets the points from `step` on. */
  rewind(step: number): void {
    while (this.buckets.length && this.buckets[this.buckets.length - 1].points[0].step >= step) this.buckets.pop()
    const bucket = this.buckets.at(-1)
    if (bucket) bucket.points = bucket.points.filter((point) => point.step < step)
  }

  private halve(): void {
    const halves: Bucket[] = []
    for (let i = 0; i < this.buckets.length; i += 2) {
      const [first, second] = this.buckets.slice(i, i + 2)
      halves.push(second ? merge(first, second) : first)
    }
    this.buckets = halves
    this.stride *= 2
  }

  columns(): Columns {
    const columns: Columns = { step: [], seconds: [], value: [] }
    const chosen = this.buckets.flatMap(({ points }) => extremes(points))
    const ends = [this.buckets[0]?.points[0], ...chosen, this.last]
    for (const point of ends) {
      if (!point || point.step === columns.step.at(-1)) continue
      columns.step.push(point.step)
      columns.seconds.push(point.seconds)
      columns.value.push(Number(point.value.toPrecision(6)))
    }
    return columns
  }
}

function of(point: Point): Bucket {
  return { count: 1, points: [point] }
}

function merge(a: Bucket, b: Bucket): Bucket {
  const all = [...a.points, ...b.points]
  const kept = new Set([all[0], ...extremes(all), all[all.length - 1]])
  return { count: a.count + b.count, points: all.filter((point) => kept.has(point)) }
}

/** The lowest and the highest, in order; one point where they are the same. */
function extremes(points: readonly Point[]): Point[] {
  let low = points[0]
  let high = points[0]
  for (const point of points) {
    if (point.value < low.value) low = point
    if (point.value > high.value) high = point
  }
  if (low === high) return [low]
  return low.step < high.step ? [low, high] : [high, low]
}
