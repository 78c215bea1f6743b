// A rank of a job under MPI: trains an exact head on its share of the minibatches, and does as the first argument says.
// Rank 0 prints what came of it as a line of JSON.

import { ExactHead, mpi, taylorSoftmax } from '../../lib/index.js'
import { shares } from '../distributed/helpers.js'
import { range } from '../judge/compare.js'
import { Stream } from '../judge/stream.js'

export const job = { numClasses: 211, hiddenSize: 12, steps: 60, batchSize: 9, learningRate: 0.5 }

async function main(deed = 'train'): Promise<void> {
  const distributed = mpi({ stallTimeout: 2 })
  const { numClasses, hiddenSize: d, steps, batchSize, learningRate } = job
  const init = { kind: 'normal', scale: 0.1 } as const
  const head = new ExactHead({ numClasses, hiddenSize: d, loss: taylorSoftmax(), bias: true, init, distributed })
  const stream = new Stream({ numClasses, hiddenSize: d, batchSize, seed: 3 })
  const losses: number[] = []
  for (let step = 0; step < steps; step++) {
    if (step === 20 && distributed.rank === 1) misbehave(deed)
    const own = shares(stream.next(), d, distributed.size)[distributed.rank]
    losses.push((await head.stepAsync(own.hidden, own.targets, { learningRate })).loss)
  }
  const rows = await head.rowsAsync(range(0, numClasses))
  if (distributed.rank === 0) console.log(JSON.stringify({ size: distributed.size, losses, rows: [...rows] }))
}

function misbehave(deed: string): void {
  if (deed === 'kill') process.kill(process.pid, 'SIGKILL')
  if (deed === 'freeze') process.kill(process.pid, 'SIGSTOP')
  if (deed === 'throw') throw new Error('rank 1 has had enough')
}

if (process.argv[1]?.includes('ranks')) await main(process.argv[2])
