// The options of `widehead predict`.

import { Command } from 'commander'
import { approximate, integer } from '../arguments.js'
import type { Io } from '../io.js'
import type { PredictOptions } from '../predict.js'

const HELP = `
A line in, a JSON object out, as soon as lines come:
  text       words; the last of them are the context of the next word
  xmc        feature:value ...; labels before them are passed over, and so is a header in the first line
  sets       owner item item ...; the items themselves are left out of the answer
  sequences  the session so far`

export function predictCommand(io: Io, exit: (code: number) => void): Command {
  return new Command('predict')
    .description('the best classes of each line of stdin, as JSON lines on stdout')
    .requiredOption('--model <folder>', 'what train saved')
    .option('--top <n>', 'classes a line', integer(1), 10)
    .addOption(approximate('without probabilities'))
    .option('--threads <n>', 'threads to compute with (default: all cores)', integer(1, 1024))
    .addHelpText('after', HELP)
    .action(async (options: PredictOptions) => exit(await (await import('../predict.js')).predict(options, io)))
}
