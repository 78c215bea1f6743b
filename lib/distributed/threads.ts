// Ranks within one process, for tests: of one thread, whose calls run on the pool of Node (so 4 at most), or of worker threads.

import { native } from '../native.js'
import { Communicator, type CommunicatorOptions } from './communicator.js'

export function threadRank(name: string, rank: number, size: number, options?: CommunicatorOptions): Communicator {
  return new Communicator(native.joinThreads(name, rank, size), options)
}
