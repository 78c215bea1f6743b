// The ranks of an MPI job.

import { writeSync } from 'node:fs'
import { native } from '../native.js'
import { Communicator, type CommunicatorOptions, readStallTimeout } from './communicator.js'

let world: Communicator | undefined

/**
 * All processes that `mpirun` or `srun` started. Of MPI nothing is needed to install this package: the library is looked for when this is
 * first called (Open MPI, or one with the interface of MPICH; WIDEHEAD_MPI can name its file). A process that was not started by a
 * launcher is rank 0 of 1. MPI ends with the process; one that ends with another exit code than 0, by an error that nobody catches or
 * otherwise, ends the whole job, unless close() was called before.
 *
 * @param options of the first call, which later ones get the result of
 * @throws RangeError if stallTimeout is below 0; WIDEHEAD_NO_MPI; WIDEHEAD_LAUNCHER, if the launcher is of another MPI than the library
 *
 * @category Several ranks
 */
export function mpi(options: CommunicatorOptions = {}): Communicator {
  if (world) return world
  readStallTimeout(options) // before MPI begins, which can be done once
  const communicator = new Communicator(native.mpiWorld(), options)
  // Node would print it after the listeners of 'exit', when the job is gone.
  process.on('uncaughtExceptionMonitor', (error) => {
    if (communicator.size > 1) writeSync(2, `rank ${communicator.rank} fails: ${error?.stack ?? error}\n`)
  })
  process.once('exit', (code) => {
    // Others may be waiting for this rank, for ever if nobody told them.
    if (code !== 0 && communicator.size > 1 && !communicator.closed) communicator.abort(code)
    native.finalizeMpi()
  })
  world = communicator
  return world
}
