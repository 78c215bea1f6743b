// Model folders with logs that no training has written.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../data/helpers.js'

export class Runs {
  readonly folder = temporaryFolder()

  /** `log`: objects, which become lines, and texts, which are written as they are. No `config`: null. */
  add(name: string, log: readonly (object | string)[] | undefined, config: unknown = {}): string {
    const path = join(this.folder, name)
    mkdirSync(path, { recursive: true })
    if (config !== null) writeFileSync(join(path, 'config.json'), JSON.stringify(config))
    const lines = log?.map((line) => (typeof line === 'string' ? line : `${JSON.stringify(line)}\n`))
    if (lines) writeFileSync(join(path, 'metrics.jsonl'), lines.join(''))
    return path
  }
}

export const start = { kind: 'start', seconds: 0, network: { head: 'exact' } }

export function step(number: number, loss: number | null, more: object = {}) {
  const facts = { epoch: 1, step: number, examples: number * 100, loss, learningRate: 0.1, examplesPerSecond: 1000 }
  return { kind: 'step', seconds: number / 10, ...facts, ...more }
}

export function evaluation(number: number, scores: object) {
  return { kind: 'evaluation', seconds: number / 10, epoch: 1, step: number, trainingSeconds: number / 20, ...scores }
}

export function end(number: number, more: object = {}) {
  return { kind: 'end', seconds: number / 10 + 1, step: number, trainingSeconds: number / 20, stopped: false, ...more }
}

/** The data that a page gives its script. */
export function dataOf(html: string): { runs: string[]; charts: Charts } {
  const [, text] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html) ?? []
  return JSON.parse(text)
}

type Charts = {
  title: string
  logarithmic: boolean
  curves: { run: number; step: number[]; seconds: number[]; value: number[] }[]
}[]
