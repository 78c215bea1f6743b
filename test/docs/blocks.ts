// The code blocks of documents and of docstrings.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Block {
  /** Where it begins, as file:line. */
  place: string
  language: string
  text: string
}

const FENCE = /^(\s*)```(\S*)\s*$/

/** The fenced blocks of a Markdown text; throws for one that is indented or never ends, which nothing would run. */
export function blocksOf(name: string, markdown: string): Block[] {
  const blocks: Block[] = []
  let open: { block: Block; indent: number; lines: string[] } | undefined
  let previous = ''
  for (const [i, line] of markdown.split('\n').entries()) {
    const [fence, indent, language] = FENCE.exec(line) ?? []
    if (open) {
      if (fence !== undefined) {
        blocks.push({ ...open.block, text: `${open.lines.join('\n')}\n` })
        open = undefined
      } else {
        open.lines.push(line.slice(open.indent))
      }
    } else if (fence !== undefined) {
      open = { block: { place: `${name}:${i + 1}`, language, text: '' }, indent: indent.length, lines: [] }
    } else if (/^ {4}\s*\S/.test(line) && previous.trim() === '') {
      throw new Error(`${name}:${i + 1}: an indented block; give it a fence and a language`)
    }
    previous = line
  }
  if (open) throw new Error(`${open.block.place}: a block without an end`)
  return blocks
}

/** The blocks in the comments of a source. */
export function docstringBlocks(name: string, source: string): Block[] {
  const comments = source.split('\n').map((line) => /^\s*\* ?(.*)$/.exec(line)?.[1] ?? '')
  // Fences alone: text of comments may be indented as it likes.
  return blocksOf(name, comments.map((line) => (FENCE.test(line) ? line : line.replace(/^ {4,}(?=- )/, ''))).join('\n'))
}

/** Inline code, each with the place it stands at. */
export function inlineCode(name: string, markdown: string): Block[] {
  return markdown
    .replace(/^\s*```[\s\S]*?^\s*```\s*$/gm, (block) => block.replace(/[^\n]/g, ''))
    .split('\n')
    .flatMap((line, i) =>
      [...line.matchAll(/`([^`]+)`/g)].map(([, text]) => ({ place: `${name}:${i + 1}`, language: 'inline', text })),
    )
}

/** All files below a folder whose names end so, relative to `root`, sorted. */
export function filesBelow(root: string, folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .sort()
}

export function read(root: string, name: string): string {
  return readFileSync(join(root, name), 'utf8')
}
