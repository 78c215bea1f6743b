// A rank of a job under MPI that calls train() (its options are the argument, as JSON) with a layer of 4096 on top; rank 1 has less address
// space left than that takes.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mpi, train } from '../../lib/index.js'

const SPARE = 150e6 // bytes, of 400e6

const distributed = mpi()
if (distributed.rank === 1) {
  const kilobytes = Number(/VmSize:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
  execFileSync('prlimit', ['--pid', `${process.pid}`, `--as=${1024 * kilobytes + SPARE}`])
}
const { rank } = distributed
try {
  await train({ ...JSON.parse(process.argv[2]), hidden: [4096], distributed })
} catch (error) {
  const { code, message } = error as { code?: string; message: string }
  await new Promise((resolve) => process.stdout.write(`${JSON.stringify({ rank, code, message })}\n`, resolve))
  await distributed.barrier() // nobody is ended before the others have spoken
}
