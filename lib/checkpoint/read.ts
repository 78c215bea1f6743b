// What a checkpoint says of itself, without the arrays.

import { withCheckpoint, withFiles } from './load.js'

export interface CheckpointInfo {
  /** The folder of this checkpoint. */
  path: string
  /** Updates the head had made. */
  step: number
  /** The kind of the head: 'exact', 'sampled' and so on. */
  kind: string
  /** The options the head was made with. */
  options: Readonly<Record<string, unknown>>
  /** What was saved with it: the `facts` of save(). */
  facts: Readonly<Record<string, unknown>>
}

/** The newest checkpoint in `folder`, or the one that `folder` is. Errors: WIDEHEAD_FILE. */
export function readCheckpoint(folder: string): Promise<CheckpointInfo> {
  return withCheckpoint(folder, (path) =>
    withFiles(path, ['head'], async ({ header: { step, kind, config, facts } }) => {
      return { path, step, kind, options: config, facts }
    }),
  )
}
