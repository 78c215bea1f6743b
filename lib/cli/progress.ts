// One line on stderr that says how far a run is: a bar on a terminal, a plain line now and then elsewhere.

import { Presets, SingleBar } from 'cli-progress'
import type { Io } from './io.js'

export interface Progress {
  /** `detail` is what the line says beside the count. */
  update(done: number, detail: string): void
  /** A line that stays. */
  note(text: string): void
  end(): void
}

const PLAIN_EVERY_MS = 10_000

export function createProgress(io: Pick<Io, 'stderr'>, what: string, total: number | undefined): Progress {
  return io.stderr.isTTY && total ? new BarProgress(io, what, total) : new PlainProgress(io, what, total)
}

class BarProgress implements Progress {
  private readonly bar: SingleBar

  constructor(
    private readonly io: Pick<Io, 'stderr'>,
    what: string,
    total: number,
  ) {
    const format = `${what} {bar} {percentage}% {detail} ETA {eta_formatted}`
    const stream = io.stderr as NodeJS.WriteStream
    this.bar = new SingleBar(
      { format, stream, fps: 5, barsize: 20, hideCursor: true, etaBuffer: 50 },
      Presets.shades_classic,
    )
    this.bar.start(total, 0, { detail: '' })
  }

  update(done: number, detail: string): void {
    this.bar.update(done, { detail })
  }

  note(text: string): void {
    this.io.stderr.write(`\r\x1b[K${text}\n`)
  }

  end(): void {
    this.bar.stop()
  }
}

class PlainProgress implements Progress {
  private readonly started = Date.now()
  private last = Date.now()

  constructor(
    private readonly io: Pick<Io, 'stderr'>,
    private readonly what: string,
    private readonly total: number | undefined,
  ) {}

  update(done: number, detail: string): void {
    const now = Date.now()
    if (now - this.last < PLAIN_EVERY_MS) return
    this.last = now
    this.note(`${this.what} ${this.share(done)} ${detail}${this.remaining(done, now)}`)
  }

  private share(done: number): string {
    return this.total ? `${((100 * done) / this.total).toFixed(1)}%` : String(done)
  }

  private remaining(done: number, now: number): string {
    if (!this.total || !done) return ''
    return ` ETA ${duration(((now - this.started) / 1000) * (this.total / done - 1))}`
  }

  note(text: string): void {
    this.io.stderr.write(`${text}\n`)
  }

  end(): void {}
}

/** Seconds as 5s, 3m20s or 2h05m. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const pad = (n: number) => String(n).padStart(2, '0')
  if (whole < 60) return `${whole}s`
  if (whole < 3600) return `${Math.floor(whole / 60)}m${pad(whole % 60)}s`
  return `${Math.floor(whole / 3600)}h${pad(Math.floor((whole % 3600) / 60))}m`
}

/** Three to five significant digits, short: what a progress line shows of a number. */
export function short(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toString() : Number(value.toPrecision(4)).toString()
}

/** Scores as one line. */
export function scoreLine(scores: Readonly<Record<string, number>>): string {
  return Object.entries(scores)
    .map(([name, value]) => `${name} ${short(value)}`)
    .join(', ')
}
