// What flows where in a step of the exact head.

import { BLUE, GREEN, ORANGE, PALE, Picture } from './svg.mjs'

export function step() {
  const picture = new Picture(
    760,
    430,
    'A step: three kinds of numbers from the hidden vectors, the loss, the gradient, the update',
  )
  const dense = { fill: PALE.blue, stroke: BLUE }
  const sparse = { fill: PALE.orange, stroke: ORANGE }
  const own = { fill: PALE.green, stroke: GREEN }

  picture.box(20, 130, 110, 60, ['H', 'm x d, hidden'], {})
  picture.box(190, 30, 170, 50, ['q = diag(H Q H^T)', 'sums of squares'], dense)
  picture.box(190, 135, 170, 50, ['s = H wbar', 'sums of outputs'], dense)
  picture.box(190, 240, 170, 50, ['a = V[targets] U h', 'outputs of targets'], sparse)
  picture.line(
    [
      [130, 160],
      [190, 160],
    ],
    { arrow: true },
  )
  picture.line(
    [
      [360, 160],
      [430, 160],
    ],
    { arrow: true },
  )
  for (const y of [55, 265]) {
    picture.line(
      [
        [160, 160],
        [160, y],
        [190, y],
      ],
      { arrow: true },
    )
    picture.line([
      [360, y],
      [400, y],
      [400, 160],
    ])
  }
  picture.box(430, 130, 120, 60, ['loss', 'gq, gs, ga'], own)
  picture.line(
    [
      [550, 160],
      [590, 160],
    ],
    { arrow: true },
  )
  picture.box(590, 115, 150, 90, ['dHidden', '2 gq Q h + gs wbar', '+ U^T V^T y', 'to the network'], dense)

  picture.line(
    [
      [490, 190],
      [490, 330],
    ],
    { arrow: true },
  )
  picture.text(500, 226, ['then the update, all of it from', 'the weights before the step'], { anchor: 'start' })
  picture.box(40, 330, 230, 70, ['rows of V of the targets', 'V -= eta Y^T X', 'few rows, d numbers each'], sparse)
  picture.box(
    290,
    330,
    260,
    70,
    ['U, U^-T, Qc', 'U <- U (I - 2 eta H^T diag(gq) H)', 'products of d x d with d x m'],
    dense,
  )
  picture.box(570, 330, 170, 70, ['omega, wbar', 'vectors of length d'], dense)
  picture.line(
    [
      [490, 310],
      [155, 310],
      [155, 330],
    ],
    { arrow: true },
  )
  picture.line(
    [
      [490, 310],
      [655, 310],
      [655, 330],
    ],
    { arrow: true },
  )
  return picture.toString()
}
