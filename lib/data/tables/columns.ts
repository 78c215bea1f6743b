// Which columns of a table mean what, and what format the data then can be of.

import { WideheadError } from '../../errors.js'
import type { FormatName } from '../formats/format.js'

/** user and item: a row is a pair; items: a row is a whole list; text: a row is a document. */
export const ROLES = ['user', 'item', 'time', 'items', 'text'] as const
export type Role = (typeof ROLES)[number]

/** What the user said: a column's name, or its number from 1. */
export type GivenColumns = Readonly<Partial<Record<Role, string>>>

/** Places of columns, from 0. */
export type Columns = Readonly<Partial<Record<Role, number>>>

/** Names that need not be told; case, spaces, `_` and `-` do not matter. */
const NAMES: Readonly<Record<Role, readonly string[]>> = {
  user: ['user', 'userid', 'session', 'sessionid'],
  item: ['item', 'itemid'],
  time: ['time', 'timestamp'],
  items: ['items'],
  text: ['text'],
}

/** The format that tables with these columns hold, or those they may hold. */
export function formatsOf(columns: Columns): FormatName[] {
  const formats: FormatName[] = columns.text === undefined ? [] : ['text']
  if (isPairs(columns)) return [...formats, 'sets', ...(columns.time === undefined ? [] : (['sequences'] as const))]
  return columns.items === undefined ? formats : [...formats, 'sets', 'sequences']
}

export function isPairs({ user, item }: Columns): boolean {
  return user !== undefined && item !== undefined
}

/** True if columns are given by their numbers, which means that there is no header. */
export function byNumber(given: GivenColumns): boolean {
  const values = Object.values(given)
  return values.length > 0 && values.every((value) => /^[1-9]\d*$/.test(value))
}

/** Finds the columns given, or those whose names are known. Throws WIDEHEAD_USAGE for one that is not there. */
export function findColumns(names: readonly string[], given: GivenColumns, label: string): Columns {
  const places = byNumber(given) ? byPlace(names.length, given, label) : byName(names, given, label)
  const unread = places.text === undefined && places.items === undefined && !isPairs(places)
  if (!unread) return places
  const seen = names.length > 10 ? `${names.slice(0, 10).join(', ')}, …` : names.join(', ')
  throw usage(
    `${label}: no columns user and item, items, or text among (${seen}): say which they are, as in ` +
      '--columns user=NAME,item=NAME, or by their numbers where there is no header, --columns user=1,item=2',
  )
}

function byPlace(count: number, given: GivenColumns, label: string): Columns {
  return mapped(given, (role, value) => {
    if (Number(value) > count) throw usage(`${label} has ${count} columns, --columns names ${value} as ${role}`)
    return Number(value) - 1
  })
}

function byName(names: readonly string[], given: GivenColumns, label: string): Columns {
  if (!Object.keys(given).length) return knownNames(names)
  return mapped(given, (role, value) => {
    const place = names.indexOf(value)
    if (place < 0) throw usage(`${label} has no column ${JSON.stringify(value)}, which --columns names as ${role}`)
    return place
  })
}

function knownNames(names: readonly string[]): Columns {
  const plain = names.map((name) => name.toLowerCase().replace(/[\s_-]/g, ''))
  const found = ROLES.map((role) => [role, plain.findIndex((name) => NAMES[role].includes(name))] as const)
  return Object.fromEntries(found.filter(([, place]) => place >= 0))
}

function mapped(given: GivenColumns, place: (role: Role, value: string) => number): Columns {
  return Object.fromEntries(Object.entries(given).map(([role, value]) => [role, place(role as Role, value)]))
}

function usage(message: string): WideheadError {
  return new WideheadError('WIDEHEAD_USAGE', message)
}
