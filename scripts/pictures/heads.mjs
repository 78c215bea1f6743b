// Which rows of W a step of each head sees.

import { BLUE, FAINT, GREEN, INK, ORANGE, PALE, Picture } from './svg.mjs'

const ROWS = 44
const TARGETS = [9, 26]
const DRAWN = [3, 14, 17, 31, 36, 41]
const BUCKETS = [7, 8, 10, 11, 25, 27, 28]
const NODES = [0, 1, 4, 12]

const SIDES = [
  { name: 'exact', facts: ['all, through', 'd x d matrices', 'O(d^2)'], all: PALE.blue, rows: { [ORANGE]: TARGETS } },
  { name: 'softmax', facts: ['all, one', 'by one', 'O(D d)'], all: BLUE, rows: { [ORANGE]: TARGETS } },
  {
    name: 'sampled',
    facts: ['targets and S', 'drawn at random', 'O(S d)'],
    rows: { [ORANGE]: TARGETS, [BLUE]: DRAWN },
  },
  {
    name: 'wta, lsh',
    facts: ['targets and those', 'that hash alike', 'O(candidates d)'],
    rows: { [ORANGE]: TARGETS, [GREEN]: BUCKETS },
  },
  {
    name: 'hierarchical',
    facts: ['the nodes of a tree', 'above the targets', 'O(d log D)'],
    rows: { [ORANGE]: NODES },
  },
]

export function heads() {
  const picture = new Picture(760, 350, 'The rows of W that a step of each head reads and writes')
  for (const [i, { name, facts, all, rows }] of SIDES.entries()) {
    const x = 34 + i * 144
    picture.text(x + 58, 34, name, { size: 15, bold: true })
    for (let row = 0; row < ROWS; row++) {
      const colour = Object.entries(rows).find(([, list]) => list.includes(row))?.[0] ?? all
      picture.rect(x + 20, 48 + row * 5, 76, 4, { fill: colour ?? PALE.grey, stroke: 'none' })
    }
    picture.text(x + 58, 288, facts, { fill: INK, size: 12.5 })
  }
  picture.text(
    380,
    342,
    'a row of W is a class (hierarchical: a node of the tree); orange: of the targets; grey: not touched',
    { fill: FAINT, size: 12 },
  )
  return picture.toString()
}
