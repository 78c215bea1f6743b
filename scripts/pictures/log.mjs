// The correction log: where rows of V are in it, and how they catch up.

import { BLUE, FAINT, GREEN, ORANGE, PALE, Picture } from './svg.mjs'

export function log() {
  const picture = new Picture(
    760,
    330,
    'Rows of V remember how far they have read the correction log, and jump over whole stretches by their products',
  )
  const [left, y, width] = [40, 120, 132]
  picture.text(left, 34, 'the correction log: entries v <- v - c (v . y) z', { anchor: 'start', bold: true })
  for (let stretch = 0; stretch < 5; stretch++) {
    const x = left + stretch * width
    const open = stretch === 4
    picture.rect(x, y, width, 26, { fill: open ? '#fff' : PALE.blue, stroke: BLUE })
    for (let i = 1; i < (open ? 5 : 10); i++) {
      picture.line(
        [
          [x + (i * width) / 10, y + 6],
          [x + (i * width) / 10, y + 20],
        ],
        { stroke: BLUE, line: 2 },
      )
    }
    picture.text(x + width / 2, y + 44, open ? 'open' : `stretch ${stretch + 1}`, { fill: BLUE })
  }
  const end = left + 4 * width + width / 2
  picture.line(
    [
      [end, y - 14],
      [end, y + 32],
    ],
    { stroke: GREEN, line: 2 },
  )
  picture.text(end, y - 20, 'end', { fill: GREEN, bold: true })

  const start = left + 0.6 * width
  picture.dot(start, y + 13, ORANGE)
  picture.arc(start, left + width, y + 2, 22)
  picture.arc(left + width, left + 4 * width, y + 2, 38)
  picture.arc(left + 4 * width, end - 2, y + 2, 22)
  picture.text(left + 0.78 * width, y - 28, 'rest, entry by entry', { size: 12 })
  picture.text(left + 2.5 * width, y - 46, 'one d x d product for many stretches', { size: 12 })

  picture.text(left, 206, 'rows of V, each at the entry up to which it is current', { anchor: 'start', bold: true })
  const rows = [0.6, 1.4, 2.1, 2.1, 2.8, 3.3, 3.7, 4.5, 4.5]
  for (const [i, place] of rows.entries()) {
    const rowY = 222 + i * 9
    const x = left + place * width
    picture.line(
      [
        [x, rowY],
        [end, rowY],
      ],
      { stroke: FAINT, line: 1, dashed: true },
    )
    picture.dot(x, rowY, place === 4.5 ? GREEN : ORANGE)
  }
  const here = ['a step brings', 'its rows here,', 'the sweeper', 'some, in turn']
  picture.text(left + 4.62 * width, 236, here, { anchor: 'start', fill: GREEN, size: 12 })
  picture.text(left, 250, ['what no row needs', 'any more is forgotten'], { anchor: 'start', size: 12 })
  return picture.toString()
}
