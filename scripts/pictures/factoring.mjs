// W = V U + 1 omega^T: what a step touches of it.

import { BLUE, FAINT, INK, ORANGE, PALE, Picture } from './svg.mjs'

export function factoring() {
  const picture = new Picture(
    760,
    350,
    'W is kept as V U plus the same row omega everywhere; a step touches few rows of V, and U',
  )
  const top = 54
  const tall = 220

  picture.rect(40, top, 70, tall, { fill: '#fff', stroke: FAINT })
  picture.text(75, top + tall / 2 + 6, 'W', { size: 20, fill: FAINT })
  picture.text(75, top - 14, 'D x d', { fill: FAINT })
  picture.text(150, top + tall / 2 + 6, '=', { size: 24 })

  picture.rect(190, top, 70, tall, { fill: PALE.grey })
  for (const row of [22, 61, 128, 190]) picture.rect(190, top + row, 70, 8, { fill: ORANGE, stroke: ORANGE })
  picture.text(225, top + tall / 2 - 4, 'V', { size: 20 })
  picture.text(225, top - 14, 'D x d')
  picture.text(290, top + tall / 2 + 6, 'x', { size: 20 })

  picture.rect(320, top + 75, 70, 70, { fill: PALE.blue, stroke: BLUE, line: 2 })
  picture.text(355, top + 117, 'U', { size: 20 })
  picture.text(355, top + 62, 'd x d')
  picture.text(425, top + tall / 2 + 6, '+', { size: 24 })

  picture.rect(460, top, 12, tall, { fill: PALE.grey })
  picture.text(466, top - 14, '1')
  picture.rect(490, top + 102, 70, 14, { fill: PALE.blue, stroke: BLUE, line: 2 })
  picture.text(525, top + 92, 'omega')

  picture.text(75, top + tall + 24, ['never', 'formed'], { fill: FAINT })
  picture.text(225, top + tall + 24, ['only the rows of a', "minibatch's targets", 'are read and written'], {
    fill: ORANGE,
  })
  picture.text(355, top + tall + 24, ['changes as', 'a whole'], { fill: BLUE })
  picture.text(510, top + tall + 24, ['one row that is', 'added to all'], { fill: BLUE })

  picture.line(
    [
      [600, 40],
      [600, 310],
    ],
    { stroke: FAINT, line: 1 },
  )
  picture.text(620, top - 14, 'kept beside them', { anchor: 'start', bold: true })
  picture.rect(620, top + 10, 44, 44, { fill: PALE.blue, stroke: BLUE })
  picture.text(676, top + 37, 'U^-T', { anchor: 'start', fill: INK })
  picture.rect(620, top + 76, 44, 44, { fill: PALE.blue, stroke: BLUE })
  picture.text(676, top + 96, ['Qc, from', 'W^T W'], { anchor: 'start' })
  picture.rect(620, top + 142, 44, 12, { fill: PALE.blue, stroke: BLUE })
  picture.text(676, top + 153, 'wbar', { anchor: 'start' })
  picture.text(620, top + 190, ['d x d and d', 'numbers: nothing', 'of size D'], { anchor: 'start', fill: BLUE })
  return picture.toString()
}
