// The formats by name, and telling which one a file is of.

import { WideheadError } from '../../errors.js'
import { firstLines } from '../lines.js'
import type { Source } from '../source.js'
import type { GivenColumns } from '../tables/columns.js'
import { tableFormats } from '../tables/convert.js'
import type { Format, FormatName } from './format.js'
import { sequences } from './sequences.js'
import { sets } from './sets.js'
import { text } from './text.js'
import { xmc } from './xmc.js'

export const FORMATS: Readonly<Record<FormatName, Format>> = { text, xmc, sets, sequences }

export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[]

const LINES_TO_LOOK_AT = 100

/** The one format these lines may be of; a file that may be of several, or none, needs --format. */
export function recognise(lines: readonly string[], label: string): Format {
  const candidates = xmc.recognises(lines) ? [xmc] : Object.values(FORMATS).filter((format) => format.recognises(lines))
  return only(candidates, label)
}

function only(candidates: readonly Format[], label: string): Format {
  if (candidates.length === 1) return candidates[0]
  const names = candidates.map((format) => format.name).join(' or ')
  const finding = names ? `may be of the format ${names}` : `is of no format known (${FORMAT_NAMES.join(', ')})`
  throw new WideheadError('WIDEHEAD_USAGE', `${label} ${finding}: say which with --format`)
}

/** `columns`: what the user said of the columns of tables. */
export async function recogniseSource(source: Source, columns?: GivenColumns): Promise<Format> {
  const formats = await tableFormats(source, columns)
  if (formats)
    return only(
      formats.map((name) => FORMATS[name]),
      source.label,
    )
  return recognise(await firstLines(source, LINES_TO_LOOK_AT), source.label)
}
