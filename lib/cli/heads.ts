// The heads of --head: a new one is a line here.

import { WideheadError } from '../errors.js'
import type { Head, HeadOptions } from '../heads/types.js'

/** Loaded when needed, so that help and mistakes of the command line need no addon. */
const HEADS: Readonly<Record<string, () => Promise<new (options: HeadOptions) => Head>>> = {
  exact: async () => (await import('../index.js')).ExactHead,
  dense: async () => (await import('../index.js')).DenseHead,
}

export const HEAD_NAMES = Object.keys(HEADS)

export async function createHead(name: string, options: HeadOptions): Promise<Head> {
  if (!Object.hasOwn(HEADS, name)) {
    throw new WideheadError('WIDEHEAD_USAGE', `no head is called ${name}; there are ${HEAD_NAMES.join(', ')}`)
  }
  return new (await HEADS[name]())(options)
}
