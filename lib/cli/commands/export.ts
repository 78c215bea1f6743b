// The options of `widehead export`.

import { Command, Option } from 'commander'
import { EXPORT_FORMATS } from '../../export/formats.js'
import type { ExportOptions } from '../export.js'
import type { Io } from '../io.js'

const HELP = `
Formats:
  word2vec, word2vec-binary  what word2vec writes and gensim's load_word2vec_format reads; white space in names becomes _
  safetensors                weight [count, width], and bias [count] of a head with biases
  npy                        a float32 array of numpy
  csv                        name, then the numbers
The names of the rows of safetensors and npy are in FILE.names.txt, one a line.`

export function exportCommand(io: Io, exit: (code: number) => void): Command {
  return new Command('export')
    .description('write the embeddings of a model to a file')
    .requiredOption('--model <folder>', 'what train saved')
    .requiredOption('--out <file>', 'the file')
    .addOption(new Option('--format <name>', 'of the file').choices(EXPORT_FORMATS).default('word2vec'))
    .addOption(
      new Option('--embeddings <which>', 'of the classes (rows of the head), or of the inputs')
        .choices(['output', 'input'])
        .default('output'),
    )
    .option('--overwrite', 'replace a file that is there')
    .addHelpText('after', HELP)
    .action(async (options: ExportOptions) => exit(await (await import('../export.js')).exportModel(options, io)))
}
