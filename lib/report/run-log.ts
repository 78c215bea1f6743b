// What a model folder tells of the run that made it: config.json and metrics.jsonl, read with patience. A run that was
// killed has a torn last line and no end; a resumed one does some of its steps again.

import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readBlocks } from '../data/lines.js'
import { fileError } from '../data/source.js'
import { WideheadError } from '../errors.js'
import { MODEL_FILES } from '../files/model.js'
import { Curve } from './curve.js'

type Facts = Readonly<Record<string, unknown>>

export interface Run {
  /** The folder, as the user gave it. */
  label: string
  /** What a reader of the page should know: what is missing or could not be read. */
  notes: string[]
  /** What config.json holds, whatever that is. */
  config: unknown
  /** Of training, each a mean or a state since the line before. */
  steps: Map<string, Curve>
  /** On held-out data. */
  evaluations: Map<string, Curve>
  /** The last line, if the run came to its end. */
  end: Facts | undefined
  /** The newest line that told how far the run was. */
  last: { step?: number; seconds?: number }
  /** The newest line that told the seconds of training alone, and the newest that told the examples: each with its step. */
  training?: { step: number; seconds: number }
  trained?: { step: number; examples: number }
}

/** Facts that say where in the run a line is, and draw no curve. */
const PLACES = new Set(['kind', 'seconds', 'step', 'epoch', 'examples', 'trainingSeconds'])

/** A log that names more quantities than this is none of ours; the page stays small. */
const MOST_CURVES = 40

/** A line that is longer is cut, and then unreadable. */
const LONGEST_LINE = 2 ** 20

/** Throws WIDEHEAD_FILE if the folder is missing or holds neither configuration nor metrics. */
export async function readRun(folder: string): Promise<Run> {
  const found = await stat(folder).catch((error) => {
    throw fileError(`cannot read ${folder}`, error)
  })
  if (!found.isDirectory()) throw new WideheadError('WIDEHEAD_FILE', `${folder} is no folder that train has written`)
  const run: Run = {
    ...{ label: folder, notes: [], config: undefined, end: undefined, last: {} },
    ...{ steps: new Map(), evaluations: new Map() },
  }
  const config = await readText(join(folder, MODEL_FILES.config))
  const metrics = join(folder, MODEL_FILES.metrics)
  const logged = await stat(metrics).catch((error) => missing(metrics, error))
  if (config === undefined && !logged) {
    const names = `${MODEL_FILES.config} nor ${MODEL_FILES.metrics}`
    throw new WideheadError('WIDEHEAD_FILE', `${folder} holds neither ${names}: no run was saved there`)
  }
  const log = new RunLog(run)
  if (logged) await log.read(metrics)
  else run.notes.push(`there is no ${MODEL_FILES.metrics}`)
  chooseConfig(run, config, log.started)
  return run
}

/** undefined if there is none. */
function missing(path: string, error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw fileError(`cannot read ${path}`, error)
}

function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error) => missing(path, error))
}

/** The file's, or else what the first line of the log repeats of it. */
function chooseConfig(run: Run, text: string | undefined, started: Facts | undefined): void {
  if (text === undefined) run.notes.push(`there is no ${MODEL_FILES.config}`)
  else {
    run.config = parsed(text)
    if (run.config) return
    run.notes.push(`${MODEL_FILES.config} cannot be read: it is no JSON object`)
  }
  if (!started) return
  const { kind: _kind, seconds: _seconds, ...config } = started
  run.config = config
}

function parsed(text: string): Facts | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Facts) : undefined
  } catch {
    return undefined
  }
}

/** Fills a run from the lines of its log. */
class RunLog {
  started: Facts | undefined
  private resumed = 0
  private readonly bad = { count: 0, first: 0, last: 0 }
  private left = false
  /** Added to the seconds of a log whose clock was set back. */
  private offset = 0

  constructor(private readonly run: Run) {}

  async read(path: string): Promise<void> {
    let lines = 0
    for await (const block of readBlocks({ path, label: path }, { split: true, longest: LONGEST_LINE })) {
      block.lines.forEach((line, i) => {
        if (!line.trim()) return
        lines = block.first + i
        const facts = parsed(line)
        if (facts) this.take(facts)
        else this.passOver(lines)
      })
    }
    this.note(lines)
  }

  private passOver(line: number): void {
    this.bad.first ||= line
    this.bad.last = line
    this.bad.count++
  }

  private note(lines: number): void {
    const { notes, end } = this.run
    const torn = !end && lines > 0 && this.bad.last === lines
    const others = this.bad.count - (torn ? 1 : 0)
    if (!lines) notes.push(`${MODEL_FILES.metrics} is empty`)
    else if (torn) notes.push('the last line is torn: the run was killed, or is still going')
    else if (!end) notes.push('the log has no end: the run was killed, or is still going')
    if (others) {
      notes.push(
        `${others === 1 ? 'a line' : `${others} lines`} could not be read and left out, first line ${this.bad.first}`,
      )
    }
    if (this.resumed) notes.push(this.resumed === 1 ? 'resumed once' : `resumed ${this.resumed} times`)
    if (this.left) notes.push(`more than ${MOST_CURVES} quantities: the others were left out`)
  }

  private take(facts: Facts): void {
    const { run } = this
    const { kind } = facts
    if (kind === 'start') this.started ??= facts
    if (kind === 'resume') this.resume(facts)
    const seconds = this.clock(facts)
    run.end = kind === 'end' ? facts : undefined
    const step = number(facts.step)
    if (step === undefined) return
    run.last.step = step
    const [training, examples] = [number(facts.trainingSeconds), number(facts.examples)]
    if (training !== undefined) run.training = { step, seconds: training }
    if (kind === 'step' && examples !== undefined) run.trained = { step, examples }
    if (kind === 'step') this.draw(run.steps, facts, step, seconds)
    if (kind === 'evaluation') this.draw(run.evaluations, facts, step, seconds)
  }

  private clock(facts: Facts): number {
    const before = this.run.last.seconds ?? 0
    const told = number(facts.seconds)
    if (told === undefined) return before
    if (told + this.offset < before) this.offset = before - told
    return (this.run.last.seconds = told + this.offset)
  }

  private resume(facts: Facts): void {
    this.resumed++
    const step = number(facts.step)
    if (step === undefined) return
    for (const curves of [this.run.steps, this.run.evaluations])
      for (const curve of curves.values()) curve.rewind(step + 1)
  }

  private draw(curves: Map<string, Curve>, facts: Facts, step: number, seconds: number): void {
    for (const [name, fact] of Object.entries(facts)) {
      const value = number(fact)
      if (value === undefined || PLACES.has(name)) continue
      const curve = curves.get(name)
      if (curve) curve.push({ step, seconds, value })
      else if (curves.size < MOST_CURVES) curves.set(name, newCurve({ step, seconds, value }))
      else this.left = true
    }
  }
}

function newCurve(point: { step: number; seconds: number; value: number }): Curve {
  const curve = new Curve()
  curve.push(point)
  return curve
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
