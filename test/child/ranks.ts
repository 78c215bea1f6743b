// A rank of a job under MPI: trains a head (the second argument, or exact) on its share of the minibatches, and does as the first one
// says. Rank 0 prints what came of it as a line of JSON.

import {
  type Communicator,
  ExactHead,
  type Head,
  LshSampledSoftmaxHead,
  mpi,
  SampledSoftmaxHead,
  SoftmaxHead,
  taylorSoftmax,
  WtaSoftmaxHead,
} from '../../lib/index.js'
import { shares } from '../distributed/helpers.js'
import { range } from '../judge/compare.js'
import { Stream } from '../judge/stream.js'

export const job = { numClasses: 211, hiddenSize: 12, steps: 60, batchSize: 9, learningRate: 0.5 }

const init = { kind: 'normal', scale: 0.1 } as const
const common = { numClasses: job.numClasses, hiddenSize: job.hiddenSize, bias: true, init }
export const HEADS: Record<string, (distributed?: Communicator) => Head> = {
  exact: (distributed) => new ExactHead({ ...common, loss: taylorSoftmax(), distributed }),
  softmax: (distributed) => new SoftmaxHead({ ...common, distributed }),
  sampled: (distributed) => new SampledSoftmaxHead({ ...common, samples: 30, distributed }),
  wta: (distributed) => new WtaSoftmaxHead({ ...common, candidates: 10, rehashEvery: 5, distributed }),
  lsh: (distributed) => {
    return new LshSampledSoftmaxHead({ ...common, samples: 30, correction: true, query: 'label', distributed })
  },
}

export interface Trained {
  losses: number[]
  rows: Float32Array
}

/** What rank `rank` of `size` gets of the job; `before` is called before each step. */
export async function trainJob(head: Head, rank = 0, size = 1, before = (_: number) => {}): Promise<Trained> {
  const { numClasses, hiddenSize: d, steps, batchSize, learningRate } = job
  const stream = new Stream({ numClasses, hiddenSize: d, batchSize, seed: 3 })
  const losses: number[] = []
  for (let step = 0; step < steps; step++) {
    before(step)
    const own = shares(stream.next(), d, size)[rank]
    losses.push((await head.stepAsync(own.hidden, own.targets, { learningRate })).loss)
  }
  const rows = await head.rowsAsync(range(0, numClasses))
  head.close()
  return { losses, rows }
}

async function main(deed = 'train', kind = 'exact'): Promise<void> {
  const distributed = mpi({ stallTimeout: 2 })
  const { rank, size } = distributed
  const before = (step: number) => {
    if (step === 20 && rank === 1) misbehave(deed)
  }
  const { losses, rows } = await trainJob(HEADS[kind](distributed), rank, size, before)
  if (rank === 0) console.log(JSON.stringify({ size, losses, rows: [...rows] }))
}

function misbehave(deed: string): void {
  if (deed === 'kill') process.kill(process.pid, 'SIGKILL')
  if (deed === 'freeze') process.kill(process.pid, 'SIGSTOP')
  if (deed === 'throw') throw new Error('rank 1 has had enough')
}

if (process.argv[1]?.endsWith('ranks.ts')) await main(process.argv[2], process.argv[3])
