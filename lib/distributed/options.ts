// The option `distributed` of heads and trunks.

import { rangeError, typeError } from '../errors.js'
import { version } from '../version.js'
import { Communicator } from './communicator.js'

/** Of options of the constructor; undefined where there is nobody else. */
export function readDistributed(value: unknown): Communicator | undefined {
  if (value === undefined) return undefined
  if (!(value instanceof Communicator)) throw typeError('distributed must come from mpi()')
  return value.size > 1 ? value : undefined
}

export function checkShards(numClasses: number, { size }: Communicator): void {
  if (numClasses >= size) return
  throw rangeError(`numClasses must be at least the number of ranks, ${size}, got ${numClasses}`)
}

/** What the addon is told: the communicator, and in words all that must be the same on all ranks. */
export function nativeDistributed(
  communicator: Communicator | undefined,
  options: object,
): { comm?: unknown; recipe?: string } {
  if (!communicator) return {}
  const plain = (_: string, value: unknown) => (ArrayBuffer.isView(value) ? `array of ${value.byteLength}` : value)
  return { comm: communicator.handle, recipe: JSON.stringify([version, options], plain) }
}
