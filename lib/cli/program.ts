// The command line as a function: arguments and streams in, exit code out.

import { Command, CommanderError } from 'commander'
import { version } from '../version.js'
import { evaluateCommand } from './commands/evaluate.js'
import { exportCommand } from './commands/export.js'
import { inspectCommand } from './commands/inspect.js'
import { predictCommand } from './commands/predict.js'
import { reportCommand } from './commands/report.js'
import { trainCommand } from './commands/train.js'
import { describe, EXIT, EXIT_HELP, exitCode } from './exit.js'
import type { Io } from './io.js'

const COMMANDS = [trainCommand, evaluateCommand, predictCommand, exportCommand, inspectCommand, reportCommand]

/** The program with its commands; `exit` is told how a command ended. */
export function createProgram(io: Io, exit: (code: number) => void): Command {
  const program = new Command('widehead')
    .description('Train neural networks with very wide output layers')
    .version(version)
  for (const create of COMMANDS) {
    program.addCommand(create(io, exit))
  }
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput({
        writeOut: (text) => io.stdout.write(text),
        writeErr: (text) => io.stderr.write(text),
        outputError: (text, write) => write(text.replace(/^error: /, 'widehead: ').replace(/\n(?=.)/g, ' ')),
      })
      .addHelpText('after', EXIT_HELP)
  }
  return program
}

/** `args` are those after the program's name. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok
  const program = createProgram(io, (result) => (code = result))
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok
      // Help in place of what was asked for: commander prints it without a word of why.
      if (error.code === 'commander.help' && args.length > 0) {
        const fault = args[0] === 'help' ? `unknown command '${args[1]}'` : 'no command is given'
        io.stderr.write(`\nwidehead: ${fault}\n`)
      }
      return EXIT.usage
    }
    io.stderr.write(`${describe(error)}\n`)
    return exitCode(error)
  }
}
