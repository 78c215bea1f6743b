/** Codes of the errors this package throws. They are stable; messages are not. */
export type ErrorCode =
  | 'WIDEHEAD_INVALID_TYPE' // an argument of the wrong type (TypeError)
  | 'WIDEHEAD_OUT_OF_RANGE' // a number, length or id outside its range, NaN included (RangeError)
  | 'WIDEHEAD_DETACHED' // a typed array whose buffer was transferred away (TypeError)
  | 'WIDEHEAD_OUT_OF_MEMORY' // the memory asked for is not to be had (RangeError)
  | 'WIDEHEAD_CLOSED' // the head was closed (WideheadError)
  | 'WIDEHEAD_BUSY' // a synchronous call while an asynchronous one runs (WideheadError)
  | 'WIDEHEAD_STALE' // apply() twice, or after the weights have changed (WideheadError)
  | 'WIDEHEAD_LOSS' // a loss or gradient that is not finite, or a custom loss that misbehaved (WideheadError)
  | 'WIDEHEAD_ISA' // an instruction set that is unknown or that this CPU lacks (RangeError)
  | 'WIDEHEAD_DATA' // a line of input that breaks its format; message starts with file:line (WideheadError)
  | 'WIDEHEAD_FILE' // a file or folder that is missing, unreadable, truncated or of another kind (WideheadError)
  | 'WIDEHEAD_USAGE' // a command line or configuration that makes no sense (WideheadError)

/** An error of state or of data; wrong arguments throw a TypeError or RangeError that carries a `code` too. */
export class WideheadError extends Error {
  override readonly name = 'WideheadError'
  constructor(
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
