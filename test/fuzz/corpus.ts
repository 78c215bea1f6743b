// The kept corpus: a file a target, a line an input, a JSON string whose characters are the bytes.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

function fileOf(target: string): string {
  return fileURLToPath(new URL(`./corpus/${target}.jsonl`, import.meta.url))
}

export function readCorpus(target: string): Buffer[] {
  if (!existsSync(fileOf(target))) return []
  const lines = readFileSync(fileOf(target), 'latin1').split('\n').filter(Boolean)
  return lines.map((line) => Buffer.from(JSON.parse(line), 'latin1'))
}

/** Bytes beyond ASCII are written as \u00xx, so that the file is text for everyone. */
export function writeCorpus(target: string, inputs: readonly Buffer[]): void {
  writeFileSync(fileOf(target), inputs.map((input) => `${literal(input)}\n`).join(''))
}

export function literal(input: Buffer): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(input.toString('latin1')).replace(/[\x7f-\xff]/g, escaped)
}
