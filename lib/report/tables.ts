// The tables of the page as plain cells: configurations side by side, and what each run came to.

import type { Run } from './run-log.js'

export interface Row {
  name: string
  /** One a run; undefined where the run has none. */
  cells: (string | undefined)[]
  /** The cells that are best, where runs can be compared. */
  best?: ReadonlySet<number>
}

const DEEPEST = 5
const MOST_ROWS = 300
const LONGEST = 200

/** One row a setting of any run, those that differ apart from those that are the same. */
export function configurations(runs: readonly Run[]): { different: Row[]; same: Row[] } {
  const flat = runs.map(({ config }) => new Map(leaves('', config, 0)))
  const names = [...new Set(flat.flatMap((map) => [...map.keys()]))].slice(0, MOST_ROWS)
  const rows = names.map((name): Row => ({ name, cells: flat.map((map) => map.get(name)) }))
  const differs = ({ cells }: Row) => cells.some((cell) => cell !== cells[0])
  return { different: rows.filter(differs), same: rows.filter((row) => !differs(row)) }
}

function leaves(name: string, value: unknown, depth: number): [string, string][] {
  if (value === undefined) return []
  const nested = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!nested || depth === DEEPEST) return [[shortened(name), shortened(text(value))]]
  return Object.entries(value)
    .slice(0, MOST_ROWS)
    .flatMap(([key, inner]) => leaves(name ? `${name}.${key}` : key, inner, depth + 1))
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

export function shortened(value: string): string {
  return value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value
}

/** How the runs ended: their speed, and the newest value of each score. */
export function results(runs: readonly Run[]): Row[] {
  const mixed = lossesDiffer(runs) ? DIFFERENT : ''
  const facts: Row[] = [
    row('state', runs, state),
    row('steps', runs, ({ last }) => whole(last.step)),
    row('training time', runs, ({ training }) => time(training?.seconds)),
    row('time in all', runs, ({ last }) => time(last.seconds)),
    row('time per step', runs, perStep),
    row('examples/s', runs, (run) => whole(rate(run))),
    row('peak memory', runs, ({ end }) =>
      typeof end?.peakMemory === 'number' ? `${whole(end.peakMemory / 1e6)} MB` : undefined,
    ),
    row(`training loss${mixed}`, runs, ({ steps }) => significant(steps.get('loss')?.last?.value)),
  ]
  const names = [...new Set(runs.flatMap(({ evaluations }) => [...evaluations.keys()]))]
  return [
    ...facts.filter(({ cells }) => cells.some((cell) => cell !== undefined)),
    ...names.map((name) => score(name, runs)),
  ]
}

function row(name: string, runs: readonly Run[], cell: (run: Run) => string | undefined): Row {
  return { name, cells: runs.map(cell) }
}

function state({ end, last }: Run): string {
  if (end) return end.stopped ? 'stopped' : 'finished'
  return last.seconds === undefined ? 'nothing logged' : 'no end'
}

/** What the name of a loss is followed by where no run's is better than another's. */
export const DIFFERENT = ' (different losses)'

/** Whether the numbers of one run's loss say nothing about those of another's. Heads with a loss of their own have null. */
export function lossesDiffer(runs: readonly Run[]): boolean {
  const losses = runs.map(({ config }) => (config as { network?: { loss?: unknown } } | undefined)?.network?.loss)
  return new Set(losses.map((loss) => JSON.stringify(loss ?? null))).size > 1
}

/** Scores that are better when they are smaller. */
const SMALLER = new Set(['loss', 'perplexity'])

function score(name: string, runs: readonly Run[]): Row {
  const values = runs.map(({ evaluations }) => evaluations.get(name)?.last?.value)
  const known = values.filter((value) => value !== undefined)
  const best = SMALLER.has(name) ? Math.min(...known) : Math.max(...known)
  const mixed = name === 'loss' && lossesDiffer(runs)
  const comparable = !mixed && known.length > 1 && new Set(known).size > 1
  const label = `${shortened(`held-out ${name}`)}${mixed ? DIFFERENT : ''}`
  return {
    name: label,
    cells: values.map(significant),
    ...(comparable && { best: new Set(values.flatMap((value, i) => (value === best ? [i] : []))) }),
  }
}

function perStep({ training }: Run): string | undefined {
  return training?.step ? `${significant((1000 * training.seconds) / training.step)} ms` : undefined
}

/** The mean over the run where the log tells it, else the newest. */
function rate({ training, trained, steps }: Run): number | undefined {
  if (!training?.seconds || !trained?.step) return steps.get('examplesPerSecond')?.last?.value
  return ((trained.examples / trained.step) * training.step) / training.seconds
}

function whole(value: number | undefined): string | undefined {
  return value === undefined ? undefined : Math.round(value).toLocaleString('en')
}

function significant(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(Number(value.toPrecision(4)))
}

function time(seconds: number | undefined): string | undefined {
  if (seconds === undefined) return undefined
  if (seconds < 60) return `${significant(seconds)} s`
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${Math.round(seconds % 60)} s`
}
