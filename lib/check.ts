// Checks of arguments: each names the argument, the rule and the value received.

import { rangeError, typeError } from './errors.js'

/** What it is, for an error that says what it must be. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  return value.constructor?.name ?? 'object'
}

export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null) throw typeError(`${name} must be an object, got ${kindOf(value)}`)
}

export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw typeError(`${name} must be a function, got ${kindOf(value)}`)
}

/** The largest learning rate, which float32 holds. */
export const LARGEST_RATE = 3e38

export function checkInteger(name: string, value: unknown, low: number, high: number): number {
  if (typeof value !== 'number') throw typeError(`${name} must be a number, got ${kindOf(value)}`)
  if (!Number.isInteger(value) || value < low || value > high) {
    throw rangeError(`${name} must be a whole number from ${low} to ${high}, got ${value}`)
  }
  return value
}

export function checkNumber(name: string, value: unknown, low: number, high = Number.POSITIVE_INFINITY): number {
  if (typeof value !== 'number') throw typeError(`${name} must be a number, got ${kindOf(value)}`)
  if (Number.isNaN(value) || value < low || value > high || (value === Number.POSITIVE_INFINITY && high === value)) {
    const upper = high === Number.POSITIVE_INFINITY ? 'finite' : `at most ${high}`
    throw rangeError(`${name} must be at least ${low} and ${upper}, got ${value}`)
  }
  return value
}

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw typeError(`${name} must be true or false, got ${kindOf(value)}`)
  return value
}

export function checkString(name: string, value: unknown): string {
  if (typeof value !== 'string') throw typeError(`${name} must be a string, got ${kindOf(value)}`)
  return value
}

export function oneOf<T extends string>(name: string, value: unknown, values: readonly T[]): T {
  if (typeof value !== 'string') throw typeError(`${name} must be one of ${values.join(', ')}, got ${kindOf(value)}`)
  if (!values.includes(value as T)) throw rangeError(`${name} must be one of ${values.join(', ')}, got '${value}'`)
  return value as T
}

type TypedArrayClass =
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  | Int32ArrayConstructor
  | Uint32ArrayConstructor

/** A typed array of `type` or `other` over memory that the addon may read: neither detached nor shared with other threads. */
export function checkArray<A extends TypedArrayClass, B extends TypedArrayClass = A>(
  name: string,
  value: unknown,
  type: A,
  other?: B,
): asserts value is InstanceType<A | B> {
  if (!(value instanceof type || (other !== undefined && value instanceof other))) {
    throw typeError(`${name} must be a ${type.name}${other ? ` or ${other.name}` : ''}, got ${kindOf(value)}`)
  }
  const array = value as Float32Array
  if (array.buffer instanceof SharedArrayBuffer) {
    throw typeError(`${name} must not lie in a SharedArrayBuffer: another thread could change it during the call`)
  }
  if (array.length === 0) checkAttached(name, array.buffer)
}

function checkAttached(name: string, buffer: ArrayBuffer): void {
  try {
    buffer.slice(0, 0) // only a detached buffer refuses
  } catch {
    throw typeError(`${name} was detached: its buffer has been transferred away`, 'WIDEHEAD_DETACHED')
  }
}

/** m, the number of examples in a hidden array. */
export function checkHidden(hidden: unknown, hiddenSize: number, atLeast = 1, name = 'hidden'): number {
  checkArray(name, hidden, Float32Array)
  const m = hidden.length / hiddenSize
  if (m < atLeast || !Number.isInteger(m)) {
    throw rangeError(
      `${name} must hold one or more examples of hiddenSize = ${hiddenSize}, got length ${hidden.length}`,
    )
  }
  if (m > 0x7fffffff) throw rangeError(`${name} must hold at most ${0x7fffffff} examples, got ${m}`)
  return m
}

/** A Float32Array for results; one that is too long for the engine is an error of this package like any other. */
export function allocate(what: string, length: number): Float32Array {
  try {
    return new Float32Array(length)
  } catch {
    throw rangeError(`out of memory: ${what} would be ${length} numbers`, 'WIDEHEAD_OUT_OF_MEMORY')
  }
}
