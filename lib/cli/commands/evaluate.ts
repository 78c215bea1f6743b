// The options of `widehead evaluate`.

import { Command } from 'commander'
import { approximate, columnsOption, integer } from '../arguments.js'
import type { EvaluateOptions } from '../evaluate.js'
import type { Io } from '../io.js'

export function evaluateCommand(io: Io, exit: (code: number) => void): Command {
  return new Command('evaluate')
    .description('the metrics of a saved model on held-out data, on stdout')
    .requiredOption('--model <folder>', 'what train saved')
    .requiredOption('--data <files...>', 'held-out data, in the format of the training data; - for standard input')
    .option('--history <files...>', 'sets: what each owner has already, the input of its prediction')
    .option(
      '--limit <n>',
      'only this many examples, drawn at random from the first 2^20, or the first n if that is more (default: all)',
      integer(1),
    )
    .option('--json', 'one JSON object instead of a table')
    .addOption(columnsOption())
    .addOption(approximate('the loss stays exact'))
    .option('--threads <n>', 'threads to compute with (default: all cores)', integer(1, 1024))
    .action(async (options: EvaluateOptions) => exit(await (await import('../evaluate.js')).evaluateModel(options, io)))
}
