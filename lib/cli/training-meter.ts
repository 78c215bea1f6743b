// How fast a run trains and how its loss goes, from log line to log line. Evaluating and saving do not count as time.

export class TrainingMeter {
  private began: number
  private window: { loss: number; examples: number; since: number }

  /** `seconds` of training went before. */
  constructor(seconds: number) {
    const now = performance.now()
    this.began = now - 1000 * seconds
    this.window = { loss: 0, examples: 0, since: now }
  }

  /** A minibatch of `examples` was trained on, with that mean loss. */
  add(loss: number, examples: number): void {
    this.window.loss += loss * examples
    this.window.examples += examples
  }

  /** The mean over the examples of the window. */
  get loss(): number {
    return this.window.loss / this.window.examples
  }

  get examplesPerSecond(): number {
    return this.window.examples / ((performance.now() - this.window.since) / 1000)
  }

  beginWindow(): void {
    this.window = { loss: 0, examples: 0, since: performance.now() }
  }

  /** What has happened since `started` was no training. */
  passOver(started: number): void {
    const milliseconds = performance.now() - started
    this.window.since += milliseconds
    this.began += milliseconds
  }

  get trainingSeconds(): number {
    return Number(((performance.now() - this.began) / 1000).toFixed(3))
  }
}
