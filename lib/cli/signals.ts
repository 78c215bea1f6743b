// Ctrl-C and SIGTERM. A command that has nothing to save ends at once; training asks for `stopping` and saves first.

import { EXIT } from './exit.js'

type Signal = 'SIGINT' | 'SIGTERM'

/** `timeout` and npx pass a signal on that the whole group of processes has got: what comes twice within this time was sent once. */
const TWICE_MS = 300

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const

export class Signals {
  private saving = false
  private received: Signal | undefined
  private receivedAt = 0
  private readonly onSignal = (signal: Signal) => {
    const now = performance.now()
    if (this.received === signal && now - this.receivedAt < TWICE_MS) return
    if (!this.saving || this.received) process.exit(CODES[signal])
    this.received = signal
    this.receivedAt = now
    this.notice(`${signal}: saving, then stopping (once more: at once, without saving)`)
  }

  constructor(private readonly notice: (message: string) => void) {
    process.on('SIGINT', this.onSignal)
    process.on('SIGTERM', this.onSignal)
  }

  /** From here on there is something to save. */
  begin(): void {
    this.saving = true
  }

  get stopping(): boolean {
    return this.received !== undefined
  }

  /** Once everything is saved: SIGTERM is how a machine asks for that, so it is a success. */
  get exitCode(): number {
    return this.received === 'SIGINT' ? EXIT.interrupted : EXIT.ok
  }

  dispose(): void {
    process.off('SIGINT', this.onSignal)
    process.off('SIGTERM', this.onSignal)
  }
}
