// Runs the command line inside the test (fast) or as a process of its own (signals, pipes), and makes small corpora.

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { run } from '../../lib/cli/program.js'

export interface Result {
  code: number | null
  stdout: string
  stderr: string
}

class Collector extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

export async function widehead(args: string[], stdin = ''): Promise<Result> {
  const stdout = new Collector()
  const stderr = new Collector()
  const code = await run(args, { stdin: Readable.from(stdin ? [Buffer.from(stdin)] : []), stdout, stderr })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

const root = fileURLToPath(new URL('../..', import.meta.url))

export function start(args: string[], env: Record<string, string> = {}, stdio: StdioOptions = 'pipe'): ChildProcess {
  const node = ['--import', './test/child/typescript.mjs', 'lib/cli/main.ts', ...args]
  return spawn(process.execPath, node, { cwd: root, env: { ...process.env, ...env }, stdio })
}

/** Waits for the end of a process. */
export async function finished(child: ChildProcess): Promise<Result> {
  const result = { code: null as number | null, stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk) => (result.stdout += chunk))
  child.stderr?.on('data', (chunk) => (result.stderr += chunk))
  result.code = await new Promise((resolve) => child.on('close', resolve))
  return result
}

export function jsonLines(text: string) {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** The scores of the last line of a metrics.jsonl, without the facts of the run beside them. */
export function lastScores(log: string): Record<string, number> {
  const facts = ['kind', 'seconds', 'step', 'trainingSeconds', 'stopped', 'peakMemory']
  return Object.fromEntries(Object.entries<number>(jsonLines(log).at(-1)).filter(([name]) => !facts.includes(name)))
}

const lines = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n')

/** Corpora with a rule that every network should find. */
export const CORPORA = {
  /** 30 words in a ring. */
  text: lines(200, (i) => Array.from({ length: 30 }, (_, j) => `w${(i * 7 + j) % 30}`).join(' ')),
  /** 40 items in a ring. */
  sequences: lines(400, (i) => Array.from({ length: 5 }, (_, j) => `s${(i + j) % 40}`).join(' ')),
  /** Ten groups of eight items; an owner has six of one group. */
  sets: lines(300, (i) => `${i} ${Array.from({ length: 6 }, (_, j) => `g${i % 10}i${(i + j) % 8}`).join(' ')}`),
  /** Feature f means labels f and f + 20. */
  xmc: `300 20 40\n${lines(300, (i) => `${i % 20},${(i % 20) + 20} ${i % 20}:1`)}`,
}
