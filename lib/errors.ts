/**
 * Codes of the errors this package throws, in their `code`. They are stable; messages are not.
 *
 * | code | error | meaning |
 * |---|---|---|
 * | WIDEHEAD_INVALID_TYPE | TypeError | an argument of the wrong type |
 * | WIDEHEAD_OUT_OF_RANGE | RangeError | a number, length or id outside its range, NaN included |
 * | WIDEHEAD_DETACHED | TypeError | a typed array whose buffer was transferred away |
 * | WIDEHEAD_OUT_OF_MEMORY | RangeError | the memory asked for is not to be had |
 * | WIDEHEAD_CLOSED | WideheadError | the head, trunk, index or predictor was closed |
 * | WIDEHEAD_BUSY | WideheadError | a synchronous call while an asynchronous one runs |
 * | WIDEHEAD_STALE | WideheadError | apply() twice, or after the weights have changed |
 * | WIDEHEAD_LOSS | WideheadError | a loss or gradient that is not finite, or a custom loss that misbehaved |
 * | WIDEHEAD_ISA | RangeError | an instruction set that is unknown or that this CPU lacks |
 * | WIDEHEAD_NO_BINARY | WideheadError | no addon for this system: the message says how to build one |
 * | WIDEHEAD_DATA | WideheadError | a line of input that breaks its format; the message starts with file:line |
 * | WIDEHEAD_FILE | WideheadError | a file or folder that is missing, unreadable, truncated or of another kind |
 * | WIDEHEAD_NO_MPI | WideheadError | no MPI library that can be loaded and used |
 * | WIDEHEAD_LAUNCHER | WideheadError | started by the launcher of one MPI, with the library of another |
 * | WIDEHEAD_DISTRIBUTED | WideheadError | ranks that do not make the same calls, or of which one cannot |
 * | WIDEHEAD_STALLED | WideheadError | a rank that others have waited for too long |
 * | WIDEHEAD_USAGE | WideheadError | a command line or configuration that makes no sense |
 * | WIDEHEAD_INTERNAL | WideheadError | a mistake of this package's own |
 *
 * @category Process and errors
 */
export type ErrorCode =
  | 'WIDEHEAD_INVALID_TYPE'
  | 'WIDEHEAD_OUT_OF_RANGE'
  | 'WIDEHEAD_DETACHED'
  | 'WIDEHEAD_OUT_OF_MEMORY'
  | 'WIDEHEAD_CLOSED'
  | 'WIDEHEAD_BUSY'
  | 'WIDEHEAD_STALE'
  | 'WIDEHEAD_LOSS'
  | 'WIDEHEAD_ISA'
  | 'WIDEHEAD_NO_BINARY'
  | 'WIDEHEAD_DATA'
  | 'WIDEHEAD_FILE'
  | 'WIDEHEAD_NO_MPI'
  | 'WIDEHEAD_LAUNCHER'
  | 'WIDEHEAD_DISTRIBUTED'
  | 'WIDEHEAD_STALLED'
  | 'WIDEHEAD_USAGE'
  | 'WIDEHEAD_INTERNAL'

/**
 * An error of state or of data; wrong arguments throw a TypeError or RangeError that carries a `code` too.
 *
 * @category Process and errors
 */
export class WideheadError extends Error {
  /** 'WideheadError'. */
  override readonly name = 'WideheadError'

  /** @internal Made by this package alone. */
  constructor(
    /** Says what kind of error it is. */
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

// Errors of state that the addon raises: C++ cannot make an instance of the class above.
const NATIVE_CODES: ReadonlySet<unknown> = new Set<ErrorCode>([
  'WIDEHEAD_CLOSED',
  'WIDEHEAD_STALE',
  'WIDEHEAD_LOSS',
  'WIDEHEAD_FILE',
  'WIDEHEAD_NO_MPI',
  'WIDEHEAD_LAUNCHER',
  'WIDEHEAD_DISTRIBUTED',
  'WIDEHEAD_STALLED',
  'WIDEHEAD_INTERNAL',
])

/** The WideheadError that an error of the addon stands for; any other error itself. */
export function typed(error: unknown): unknown {
  if (error instanceof WideheadError) return error
  const { code, message } = (error ?? {}) as WideheadError
  return NATIVE_CODES.has(code) ? new WideheadError(code, message) : error
}

export function typeError(message: string, code: ErrorCode = 'WIDEHEAD_INVALID_TYPE'): TypeError {
  return Object.assign(new TypeError(message), { code })
}

export function rangeError(message: string, code: ErrorCode = 'WIDEHEAD_OUT_OF_RANGE'): RangeError {
  return Object.assign(new RangeError(message), { code })
}
