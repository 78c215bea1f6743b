// What native/addon/communicator_wrap.cc exports.

export interface NativeCommunicator {
  handle: unknown
  rank: number
  size: number
}

export interface CommunicatorBinding {
  mpiWorld(): NativeCommunicator
  finalizeMpi(): void
  /** What the launcher of this process says, if there is one: how many it started, and the variable that says so. */
  launcher(): { variable: string; size: number } | undefined
  /** A rank of the group of this name in this process. */
  joinThreads(name: string, rank: number, size: number): NativeCommunicator
  waiting(handle: unknown): { seconds: number; ranks: number[] }
  stopWaiting(handle: unknown, message: string): void
  abortJob(handle: unknown, code: number): void
  traffic(handle: unknown): { bytesSent: number; exchanges: number }
  /** Everybody's bytes; `what` must be the same on all ranks. */
  gather(handle: unknown, what: string, data: Uint8Array): Promise<ArrayBuffer[]>
}
