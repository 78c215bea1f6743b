// The options of `widehead inspect`.

import { Command } from 'commander'
import type { InspectOptions } from '../inspect.js'
import type { Io } from '../io.js'

export function inspectCommand(io: Io, exit: (code: number) => void): Command {
  return new Command('inspect')
    .description('what a checkpoint holds: tensors, norms, the spectrum of U, how exact it is')
    .argument('<folder>', 'a model, a folder of checkpoints, or one checkpoint')
    .option('--drift', 'exact head: compare what it keeps with a recomputation from W, O(D d^2)')
    .option('--json', 'one JSON object instead of a table')
    .action(async (folder: string, options: InspectOptions) =>
      exit(await (await import('../inspect.js')).inspectModel(folder, options, io)),
    )
}
