// What a misuse must be told.

import { expect } from 'vitest'
import { WideheadError } from '../../lib/index.js'
import type { Misuse } from './calls.js'

const CLASSES = { TypeError, RangeError, WideheadError }

export function caught(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

export function expectMisuse(error: unknown, { type, code, says }: Misuse): void {
  expect(error).toBeInstanceOf(CLASSES[type])
  expect((error as { code: string }).code).toBe(code)
  for (const part of says) expect((error as Error).message).toContain(part)
}
