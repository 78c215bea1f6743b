// Which charts the page has: one a quantity, with a curve for each run that logged it.

import type { Columns, Curve } from './curve.js'
import type { Run } from './run-log.js'
import { DIFFERENT, lossesDiffer, shortened } from './tables.js'

export interface Chart {
  title: string
  /** The vertical axis is logarithmic, if all values are above 0. */
  logarithmic: boolean
  /** `run` counts from 0. */
  curves: ({ run: number } & Columns)[]
}

/** What is known of the quantities of a step, in the order of the page; others follow under their own names. */
const TRAINING: Readonly<Record<string, { title: string; logarithmic?: boolean }>> = {
  examplesPerSecond: { title: 'examples/s' },
  learningRate: { title: 'learning rate below the head' },
  headLearningRate: { title: 'learning rate of the head' },
  headGradNorm: { title: 'gradient norm of the head', logarithmic: true },
  trunkGradNorm: { title: 'gradient norm below the head', logarithmic: true },
  condition: { title: 'condition of U, upper bound', logarithmic: true },
  corrections: { title: 'corrections of U' },
  logLength: { title: 'entries of the correction log' },
  rowsBehind: { title: 'rows of V behind the log' },
}

export function chartsOf(runs: readonly Run[]): Chart[] {
  const steps = namesOf(runs, 'steps')
  const known = Object.keys(TRAINING).filter((name) => steps.has(name))
  const others = [...steps].filter((name) => name !== 'loss' && !Object.hasOwn(TRAINING, name))
  const training = [...known, ...others].map((name) => {
    const { title, logarithmic = false } = Object.hasOwn(TRAINING, name) ? TRAINING[name] : { title: name }
    return chart(runs, 'steps', name, title, logarithmic)
  })
  const mixed = lossesDiffer(runs) ? DIFFERENT : ''
  return [
    ...(steps.has('loss') ? [chart(runs, 'steps', 'loss', `training loss${mixed}`, false)] : []),
    ...[...namesOf(runs, 'evaluations')].map((name) =>
      chart(runs, 'evaluations', name, `held-out ${name}${name === 'loss' ? mixed : ''}`, false),
    ),
    ...training,
  ]
}

type Kind = 'steps' | 'evaluations'

function namesOf(runs: readonly Run[], kind: Kind): Set<string> {
  return new Set(runs.flatMap((run) => [...run[kind].keys()]))
}

function chart(runs: readonly Run[], kind: Kind, name: string, title: string, logarithmic: boolean): Chart {
  const curves = runs.flatMap((run, index) => {
    const curve: Curve | undefined = run[kind].get(name)
    return curve ? [{ run: index, ...curve.columns() }] : []
  })
  return { title: shortened(title), logarithmic: logarithmic && curves.every(positive), curves }
}

function positive({ value }: Columns): boolean {
  return value.every((number) => number > 0)
}
