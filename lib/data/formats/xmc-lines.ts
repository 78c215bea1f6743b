// The lines of an XMC file: `N F D`, then `label,label,... feature:value ...`; one without labels starts with a space.

import { LineError } from '../lines.js'

export interface XmcHeader {
  examples: number
  features: number
  labels: number
}

export interface XmcRow {
  labels: number[]
  features: number[]
  values: number[]
}

const LARGEST = 2 ** 31 - 1

export function isXmcHeader(line: string): boolean {
  return /^\d+ +\d+ +\d+\s*$/.test(line)
}

export function parseXmcHeader(line: string): XmcHeader {
  if (!isXmcHeader(line)) throw new LineError(`expected a header of three numbers, "N F D", got ${quote(line)}`)
  const [examples, features, labels] = line.trim().split(/ +/).map(Number)
  for (const [name, size] of Object.entries({ features, labels })) {
    if (size < 1 || size > LARGEST) throw new LineError(`the number of ${name} must be 1 to ${LARGEST}, got ${size}`)
  }
  return { examples, features, labels }
}

export function parseXmcRow(line: string, sizes: Pick<XmcHeader, 'features' | 'labels'>): XmcRow {
  const parts = line.split(' ')
  const first = line.startsWith(' ') || parts[0].includes(':') ? '' : (parts.shift() as string)
  const row: XmcRow = { labels: [], features: [], values: [] }
  if (first.trim()) {
    for (const label of new Set(first.trim().split(','))) row.labels.push(id(label, 'label', sizes.labels))
  }
  for (const part of parts) {
    const pair = part.trim()
    if (!pair) continue
    const colon = pair.indexOf(':')
    if (colon < 0) throw new LineError(`expected feature:value, got ${quote(pair)}`)
    row.features.push(id(pair.slice(0, colon), 'feature', sizes.features))
    row.values.push(value(pair.slice(colon + 1)))
  }
  return row
}

function id(text: string, what: string, size: number): number {
  if (!/^\d+$/.test(text)) throw new LineError(`expected the id of a ${what}, got ${quote(text)}`)
  const number = Number(text)
  if (number >= size) throw new LineError(`${what} ${text} is not below ${size}, the number of ${what}s in the header`)
  return number
}

function value(text: string): number {
  const number = Number(text)
  if (!text || !Number.isFinite(Math.fround(number))) throw new LineError(`expected a finite value, got ${quote(text)}`)
  return number
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}
