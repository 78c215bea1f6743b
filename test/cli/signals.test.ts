// What a signal means that comes once, twice at once, and once more.

import { afterEach, describe, expect, it, vi } from 'vitest'
import { Signals } from '../../lib/cli/signals.js'

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s', (signal, code) => {
  it('ends a command that has nothing to save, and makes one that has save: once, if it comes twice at once', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const exit = vi.spyOn(process, 'exit').mockImplementation((() => {}) as never)
    const told: string[] = []
    const signals = new Signals((message) => told.push(message))
    try {
      signals.begin()
      process.emit(signal, signal)
      vi.advanceTimersByTime(50)
      process.emit(signal, signal) // as of `timeout`, or npx
      expect(exit).not.toHaveBeenCalled()
      expect(signals.stopping).toBe(true)
      expect(told).toHaveLength(1)
      vi.advanceTimersByTime(1000)
      process.emit(signal, signal)
      expect(exit).toHaveBeenCalledWith(code)
    } finally {
      signals.dispose()
    }
    exit.mockClear()
    const early = new Signals(() => {})
    process.emit(signal, signal)
    early.dispose()
    expect(exit).toHaveBeenCalledWith(code)
  })
})
