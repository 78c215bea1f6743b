// Links of the documents to files and headings of this repository lead somewhere.

import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import { filesBelow, read } from './blocks.js'
import { root } from './reader.js'

const DOCUMENTS = [...readdirSync(root), 'examples/README.md']
  .filter((name) => name.endsWith('.md'))
  .concat(filesBelow(root, 'docs', '.md'))

/** As code hosts name headings, and what is named by hand. */
function anchorsOf(name: string): Set<string> {
  const text = read(root, name)
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => {
    const words = heading.replace(/&lt;/g, '<').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    return words
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  })
  return new Set([...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id)])
}

function faultOf(name: string, link: string): string | undefined {
  const [path, anchor] = link.split('#')
  const target = path === '' ? name : normalize(join(dirname(name), decodeURIComponent(path)))
  if (!existsSync(join(root, target))) return `${link}: there is no ${target}`
  if (anchor && target.endsWith('.md') && !anchorsOf(target).has(anchor)) return `${link}: no heading of that name`
  return undefined
}

test('a link that leads nowhere is found', () => {
  expect(faultOf('README.md', 'docs/nowhere.md')).toContain('there is no docs/nowhere.md')
  expect(faultOf('README.md', 'docs/cli.md#nothing')).toContain('no heading')
  expect(faultOf('README.md', 'docs/cli.md#exit-codes')).toBeUndefined()
})

function faultsOf(name: string): string[] {
  const text = read(root, name).replace(/^```[\s\S]*?^```/gm, '')
  const links = [...text.matchAll(/\]\(([^)\s]+)\)|src="([^"]+)"/g)].map(([, link, source]) => link ?? source)
  return links.filter((link) => !/^\w+:/.test(link)).flatMap((link) => faultOf(name, link) ?? [])
}

test.each(DOCUMENTS.filter((name) => !name.startsWith('docs/api/')))('%s', (name) => {
  expect(faultsOf(name)).toEqual([])
})

test('docs/api', () => {
  const pages = DOCUMENTS.filter((name) => name.startsWith('docs/api/'))
  expect(pages.length).toBeGreaterThan(0)
  expect(pages.flatMap(faultsOf)).toEqual([])
})
