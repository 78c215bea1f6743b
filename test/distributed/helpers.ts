// Ranks for tests: threads of this process, or processes under whichever MPI is installed.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'
import type { CommunicatorOptions } from '../../lib/distributed/communicator.js'
import { threadRank } from '../../lib/distributed/threads.js'
import {
  type Communicator,
  ExactHead,
  type ExactHeadOptions,
  type SparseTargets,
  type Targets,
} from '../../lib/index.js'
import type { Batch } from '../judge/stream.js'

let groups = 0

/** Ranks of a group of their own; calls of all of them run on Node's four threads, so that there can be no more. */
export function ranks(size: number, options?: CommunicatorOptions): Communicator[] {
  const name = `test ${process.pid} ${groups++}`
  return Array.from({ length: size }, (_, rank) => threadRank(name, rank, size, options))
}

interface Loadable<T> {
  load(path: string, options?: { distributed: Communicator }): Promise<T>
}

/** What a test opens, closed after it; groups of ranks and heads loaded on so many (0: on none, by one process) are among it. */
export function opened() {
  const open: { close(): void }[] = []
  afterEach(() => {
    for (const thing of open.splice(0)) thing.close()
  })
  const group = (size: number) => {
    const made = ranks(size)
    open.push(...made)
    return made
  }
  const load = async <T extends { close(): void }>(kind: Loadable<T>, path: string, size: number): Promise<T[]> => {
    const heads =
      size === 0
        ? [await kind.load(path)]
        : await Promise.all(group(size).map((distributed) => kind.load(path, { distributed })))
    open.push(...heads)
    return heads
  }
  return { open, group, load }
}

/** One head on several ranks. */
export function headOn(communicators: readonly Communicator[], options: ExactHeadOptions): ExactHead[] {
  return communicators.map((distributed) => new ExactHead({ ...options, distributed }))
}

/** Examples `from` to `to - 1` of a minibatch. */
export function slice({ hidden, targets }: Batch, d: number, from: number, to: number): Batch {
  return { hidden: hidden.slice(from * d, to * d), targets: sliceTargets(targets, from, to) }
}

function sliceTargets(targets: Targets, from: number, to: number): Targets {
  if (ArrayBuffer.isView(targets)) return targets.slice(from, to)
  const { indptr, indices, values } = targets as SparseTargets
  const [begin, end] = [indptr[from], indptr[to]]
  return {
    indptr: indptr.slice(from, to + 1).map((at) => at - begin),
    indices: indices.slice(begin, end),
    ...(values && { values: values.slice(begin, end) }),
  }
}

/** The share of each of `size` ranks, some of them none. */
export function shares(batch: Batch, d: number, size: number): Batch[] {
  const m = batch.hidden.length / d
  return Array.from({ length: size }, (_, rank) => {
    return slice(batch, d, Math.floor((m * rank) / size), Math.floor((m * (rank + 1)) / size))
  })
}

export interface Mpi {
  name: string
  /** The program, and what starts `ranks` processes on a machine with fewer cores. */
  command(ranks: number): string[]
}

function installed(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The launchers that are installed. Debian has a name for each, because both could be `mpirun`. */
export const MPIS: Mpi[] = [
  {
    name: 'openmpi',
    command: (ranks: number) => ['mpirun.openmpi', '--allow-run-as-root', '--oversubscribe', '-n', `${ranks}`],
  },
  { name: 'mpich', command: (ranks: number) => ['mpirun.mpich', '-n', `${ranks}`] },
].filter(({ command }) => installed(command(1)[0]))

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Starts a TypeScript program on `count` ranks, a thread each. */
export function startRanks(
  { command }: Mpi,
  count: number,
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  const [program, ...rest] = command(count)
  const node = [process.execPath, '--import', './test/child/typescript.mjs', ...args]
  return spawn(program, [...rest, ...node], { cwd: root, env: { ...process.env, WIDEHEAD_THREADS: '1', ...env } })
}
