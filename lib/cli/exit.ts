// Exit codes, and what a person reads when something goes wrong.

export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  data: 3,
  file: 4,
  diverged: 5,
  memory: 6,
  stalled: 75,
  interrupted: 130,
  terminated: 143,
} as const

/** What help and the reference say of each code. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done; also after SIGTERM, which makes a train that has begun save and stop',
  unexpected: 'something unexpected: WIDEHEAD_DEBUG=1 shows where',
  usage: 'a command line that makes no sense',
  data: 'bad data; the message starts with file:line',
  file: 'a file that is missing, damaged or cannot be written',
  diverged: 'training diverged: the loss is no longer a number',
  memory: 'not enough memory',
  stalled: 'ranks of an MPI job have waited too long for one of them',
  interrupted: 'interrupted by Ctrl-C; train saves first (a second Ctrl-C does not wait)',
  terminated: 'ended by SIGTERM with nothing to save yet, or by a second one, which does not wait',
}

export const EXIT_CODES = (Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name) => ({
  code: EXIT[name],
  meaning: EXIT_MEANINGS[name],
}))

export const EXIT_HELP = `
Exit codes:
${EXIT_CODES.map(({ code, meaning }) => `  ${String(code).padEnd(5)}${meaning}`).join('\n')}`

const BY_CODE: Readonly<Record<string, number>> = {
  WIDEHEAD_USAGE: EXIT.usage,
  WIDEHEAD_ISA: EXIT.usage,
  WIDEHEAD_DATA: EXIT.data,
  WIDEHEAD_FILE: EXIT.file,
  WIDEHEAD_LAUNCHER: EXIT.usage,
  WIDEHEAD_LOSS: EXIT.diverged,
  WIDEHEAD_STALLED: EXIT.stalled,
  WIDEHEAD_OUT_OF_MEMORY: EXIT.memory,
  ERR_MEMORY_ALLOCATION_FAILED: EXIT.memory,
}

/** V8's own words for memory that is not to be had; they come without a code. */
const ALLOCATION = /Array buffer allocation failed|Invalid typed array length/

export function exitCode(error: unknown): number {
  const { code, message } = error as { code?: string; message?: string }
  if (code !== undefined && Object.hasOwn(BY_CODE, code)) return BY_CODE[code]
  return error instanceof RangeError && ALLOCATION.test(message ?? '') ? EXIT.memory : EXIT.unexpected
}

/** One line, unless WIDEHEAD_DEBUG asks for the stack. */
export function describe(error: unknown): string {
  if (process.env.WIDEHEAD_DEBUG && error instanceof Error) return error.stack ?? error.message
  const message = error instanceof Error ? error.message : String(error)
  return `widehead: ${message.replace(/\s*\n\s*/g, ' ')}`
}
