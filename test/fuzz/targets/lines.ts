// Files of lines, plain and gzip: what comes out is what a plain split of the whole file gives.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { readBlocks } from '../../../lib/data/lines.js'
import { accepted, mustEqual, type Target } from '../target.js'

const LONGEST = 1000

async function read(path: string, split: boolean): Promise<string[]> {
  const lines: string[] = []
  for await (const block of readBlocks({ path, label: 'file' }, { split, longest: LONGEST })) {
    if (!split) mustEqual(block.first, lines.length + 1, 'number of the first line of a block')
    for (const line of block.lines) lines.push(line)
  }
  return lines
}

export const lines: Target = {
  name: 'lines',
  dictionary: ['\n', '\r\n', '\r', '\ufeff', '\u2028', '\x1f\x8b\x08', ' ', '\u{1f600}'],
  seeds: ['a b\nc d\n', 'a\r\nb', gzipSync('a b\nc\n').toString('latin1')],

  async check(input, folder) {
    const path = join(folder, 'lines')
    writeFileSync(path, input)
    const whole = await accepted(input, () => read(path, false))
    const cut = await accepted(input, () => read(path, true))
    if (input[0] === 0x1f && input[1] === 0x8b) return
    const expected = new TextDecoder().decode(input).split('\n')
    if (expected.at(-1) === '') expected.pop()
    const stripped = expected.map((line) => line.replace(/\r$/, ''))
    if (whole) mustEqual(whole.value, stripped, 'lines')
    if (cut) mustEqual(cut.value.join('').replaceAll('\r', ''), stripped.join('').replaceAll('\r', ''), 'cut lines')
  },
}
