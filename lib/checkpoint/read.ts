// What a checkpoint says of itself, without the arrays.

import { checkString } from '../check.js'
import { withCheckpoint, withFiles } from './load.js'

/**
 * What a checkpoint says of itself.
 *
 * @category Checkpoints
 */
export interface CheckpointInfo {
  /** The folder of this checkpoint. */
  path: string
  /** Updates the head had made. */
  step: number
  /** The kind of the head: 'exact', 'sampled' and so on. */
  kind: string
  /** The options the head was made with, without arrays; its loss by name and parameters. */
  options: Readonly<Record<string, unknown>>
  /** What was saved with it: the `facts` of save(). */
  facts: Readonly<Record<string, unknown>>
}

/**
 * What the newest checkpoint in `folder`, or the one that `folder` is, says of itself. Reads no weights.
 *
 * @param folder a folder of checkpoints, or one checkpoint
 * @throws as a rejection: WIDEHEAD_FILE, if there is none or its header is damaged; a TypeError for a folder that is no string
 * @category Checkpoints
 */
export async function readCheckpoint(folder: string): Promise<CheckpointInfo> {
  checkString('folder', folder)
  return withCheckpoint(folder, (path) =>
    withFiles(path, ['head'], async ({ header: { step, kind, config, facts } }) => {
      return { path, step, kind, options: config, facts }
    }),
  )
}
