// The outputs of one example as the bulk softmax sees them: a Gaussian, and some classes one by one.

import { BLUE, GREEN, INK, ORANGE, PALE, Picture } from './svg.mjs'

const [LEFT, RIGHT, BASE, TOP] = [50, 710, 240, 170]
const VARIANCE = 0.9
const LISTED = [
  [2.35, 40],
  [3.05, 58],
  [3.6, 66],
  [4.3, 84],
  [4.75, 52],
  [5.6, 120],
]
const TARGET = [6.7, 168]

const x = (output) => LEFT + ((output + 4) / 12) * (RIGHT - LEFT)
const bell = (from, to, mean) =>
  Array.from({ length: 61 }, (_, i) => {
    const output = from + (i * (to - from)) / 60
    const height = TOP * Math.exp(-((output - mean) ** 2) / (2 * VARIANCE))
    return [x(output).toFixed(1), (BASE - height).toFixed(1)]
  })

export function bulk() {
  const picture = new Picture(
    760,
    290,
    'The outputs of one example: a Gaussian bulk, and some classes computed one by one',
  )
  for (const [middle, top] of bell(-3.6, 3.6, 0)) {
    picture.rect(middle - 3.5, top, 7, (BASE - top).toFixed(1), { fill: PALE.blue, stroke: 'none' })
  }
  picture.line(bell(-3.6, 3.6, 0), { stroke: BLUE })
  // Densities times exp(o): a Gaussian too, around mu + v.
  picture.line(bell(-2.7, 4.5, VARIANCE), { stroke: ORANGE, dashed: true })
  for (const [output, height] of LISTED)
    picture.rect(x(output), BASE - height, 5, height, { fill: GREEN, stroke: 'none' })
  picture.rect(x(TARGET[0]), BASE - TARGET[1], 5, TARGET[1], { fill: INK, stroke: 'none' })
  picture.line([
    [LEFT, BASE],
    [RIGHT, BASE],
  ])
  picture.text(x(0), BASE + 20, 'mu')
  picture.text(x(VARIANCE), BASE + 20, 'mu + v')
  picture.text(RIGHT, BASE + 20, 'output o', { anchor: 'end' })
  const facts = ['the bulk: D - |S| outputs, known', 'by number, sum and sum of squares']
  picture.text(LEFT - 20, 40, facts, { anchor: 'start', fill: BLUE })
  picture.text(x(1.6), 80, 'what it adds to Z: n exp(mu + v/2)', { anchor: 'start', fill: ORANGE })
  picture.text(x(2.9), 112, 'S: computed one by one', { anchor: 'start', fill: GREEN })
  picture.text(x(6.9), 84, 'target', { anchor: 'start' })
  return picture.toString()
}
