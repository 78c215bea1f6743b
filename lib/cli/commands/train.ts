// The options of `widehead train`.

import { Command, Option } from 'commander'
import { FORMAT_NAMES, FORMATS } from '../../data/formats/index.js'
import { settingFault } from '../../data/formats/settings.js'
import { DURABILITIES } from '../../heads/storage-options.js'
import { LOSSES } from '../../losses.js'
import { OPTIMIZER_KINDS } from '../../optimizer.js'
import { ACTIVATIONS } from '../../trunk-options.js'
import { columnsOption, integer, interval, number, widths } from '../arguments.js'
import {
  HEAD_NAMES,
  HEAD_OPTIONS,
  type HeadOption,
  headKind,
  headsWith,
  OWN_LOSSES,
  optimizersOf,
  ownersOf,
} from '../heads.js'
import type { Io } from '../io.js'
import { flagOf, type TrainOptions, usage } from '../run.js'

export function trainCommand(io: Io, exit: (code: number) => void): Command {
  const command = describedCommand()
  return command
    .addHelpText('after', headsHelp())
    .addHelpText('after', '\nDefaults that depend on the format, the head and the loss are in docs/cli.md.')
    .action(async () => exit(await (await import('../train.js')).train(givenOptions(command), io)))
}

/** The options that these arguments stand for, for those who have no command line; throws CommanderError. */
export function parseTrainOptions(args: readonly string[]): TrainOptions {
  const command = describedCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: () => {} })
  command.parse(args, { from: 'user' })
  return givenOptions(command)
}

function describedCommand(): Command {
  const command = new Command('train').description('train a network on files and save it')
  data(command)
  network(command)
  loss(command)
  head(command)
  training(command)
  for (const format of Object.values(FORMATS)) {
    command.optionsGroup(`Format ${format.name} (${format.summary}):`)
    for (const { default: value, ...setting } of format.settings) {
      command.addOption(settingOption({ ...setting, default: `${value}` }, value === true))
    }
  }
  return command
}

/** Without settings of formats that were not given: commander makes every --no-x true. */
function givenOptions(command: Command): TrainOptions {
  const options = command.opts<TrainOptions>()
  for (const { name } of Object.values(FORMATS).flatMap((format) => format.settings)) {
    if (command.getOptionValueSource(name) === 'default') delete options[name]
  }
  return options
}

function data(command: Command): void {
  command
    .optionsGroup('Data and output:')
    .requiredOption('--train <files...>', 'training data: plain, gzip, CSV, Parquet, or - for standard input')
    .option('--valid <files...>', 'held-out data to evaluate on')
    .requiredOption('--out <folder>', 'where the model and its metrics go')
    .option('--overwrite', 'replace a model that is there')
    .option(
      '--resume',
      'go on from the newest checkpoint in --out, with the options it was started with; from the start if there is none',
    )
    .option(
      '--checkpoint-every <when>',
      'steps, or a time as 30s, 10m, 2h, between checkpoints (default: 10m); epochs end with one too',
      interval,
    )
    .option('--keep-checkpoints <n>', 'how many stay in --out (default: 2)', integer(1, 1e6))
    .addOption(
      new Option('--format <name>', 'format of the data (default: told by its first lines)').choices(FORMAT_NAMES),
    )
    .addOption(columnsOption())
    .option('--shuffle-buffer <n>', 'examples held in memory to be shuffled', integer(1, 2 ** 30), 2 ** 20)
    .option('--eval-every <steps>', 'steps between evaluations (default: an epoch)', integer(1))
    .option(
      '--eval-examples <n>',
      'examples of --valid to evaluate on while training, drawn from the first 2^20, 0: all (default: 20000)',
      integer(0),
    )
    .option('--log-every <steps>', 'steps between lines of metrics.jsonl', integer(1), 100)
    .option(
      '--stall-timeout <seconds>',
      'under mpirun or srun: how long ranks wait for one of them before the job ends, 0: for ever (default: 300)',
      number({ minimum: 0 }),
    )
}

function network(command: Command): void {
  command
    .optionsGroup('Network:')
    .addOption(
      new Option(
        '--head <kind>',
        'how the output layer is computed (default: sampled; exact for sets and with --loss)',
      ).choices(HEAD_NAMES),
    )
    .option('--hidden <widths>', 'widths of the layers below the head, as 300,300, or none', widths)
    .option(
      '--embedding <width>',
      'width of an embedding (sets, xmc: default is the first of --hidden)',
      integer(1, 65536),
    )
    .addOption(new Option('--activation <name>', 'of the hidden layers').choices(ACTIVATIONS))
    .option('--bias', 'one bias a class')
    .option('--seed <n>', 'of all that is random', integer(0), 0)
    .option('--threads <n>', 'threads to compute with (default: all cores)', integer(1, 1024))
}

function loss(command: Command): void {
  command
    .optionsGroup('Loss:')
    .addOption(new Option('--loss <name>', 'what is minimised').choices([...Object.keys(LOSSES), ...OWN_LOSSES]))
    .option(
      '--negative-weight <w>',
      'weighted-squared-error: weight of classes that are no targets',
      number({ minimum: 0 }),
    )
    .option('--positive-weight <w>', 'weighted-squared-error: weight of targets (default: 1)', number({ minimum: 0 }))
    .option('--epsilon <x>', 'spherical-softmax: what is added to each square (default: 0.01)', number({ above: 0 }))
    .option('--alpha <x>', 'z-loss: steepness (default: 1)', number({ above: 0 }))
    .option('--beta <x>', 'z-loss: standard deviations that are enough (default: 3)', number({ minimum: 0 }))
}

function training(command: Command): void {
  command
    .optionsGroup('Training:')
    .option('--epochs <n>', 'passes over the data', integer(1))
    .option('--max-steps <n>', 'end after this many steps, and the schedule with them (default: no limit)', integer(1))
    .option('--batch <n>', 'examples a step', integer(1, 2 ** 20))
    .addOption(new Option('--optimizer <kind>', 'of the layers below the head').choices(OPTIMIZER_KINDS))
    .option('--learning-rate <x>', 'of the layers below the head', number({ minimum: 0 }))
    .option('--head-learning-rate <x>', 'of the head', number({ minimum: 0 }))
    .addOption(
      new Option('--schedule <kind>', 'of both rates: constant, or falling to 0').choices(['constant', 'linear']),
    )
    .option(
      '--clip-norm <x>',
      'longest gradient, of the head and of what is below it (default: no limit)',
      number({ above: 0 }),
    )
    .option('--weight-decay <x>', 'of the head (default: 0)', number({ minimum: 0 }))
}

function head(command: Command): void {
  const withRows = headsWith((kind) => optimizersOf(kind).length > 0)
  command
    .optionsGroup('Head (the heads that have an option stand before it):')
    .addOption(new Option('--head-optimizer <kind>', `${withRows}: of the rows of the head`).choices(OPTIMIZER_KINDS))
  for (const option of HEAD_OPTIONS) {
    command.addOption(settingOption({ ...option, description: `${ownersOf(option.name)}: ${option.description}` }))
  }
  command
    .option(
      '--storage-file <path>',
      'exact: keep the rows in this file, which may be larger than memory; checkpoints name it',
    )
    .addOption(
      new Option(
        '--durability <kind>',
        'exact: what --storage-file outlives, the death of the process or a loss of power (default: process, or what the resumed run has)',
      ).choices(DURABILITIES),
    )
}

/** `on`: a flag that is set unless --no-... is given. */
function settingOption(setting: HeadOption, on = false): Option {
  const { name, description, kind, choices } = setting
  const flag = flagOf(name)
  if (kind === 'flag') {
    const [flags, text] = on ? [`--no-${flag.slice(2)}`, `do not ${description}`] : [flag, description]
    return new Option(flags, text)
  }
  const option = new Option(`${flag} <${choices ? 'kind' : 'n'}>`, `${description} (default: ${setting.default})`)
  if (choices) return option.choices(choices)
  return option.argParser((text) => {
    const value = text.trim() ? Number(text) : Number.NaN
    const fault = settingFault(setting, value)
    if (fault) throw usage(`${flag} ${fault}, got ${text}`)
    return value
  })
}

/** What the heads are, in lines as wide as the help of the options. */
function headsHelp(): string {
  const width = Math.max(...HEAD_NAMES.map((name) => name.length)) + 4
  const lines = HEAD_NAMES.map((name) => {
    const wrapped = headKind(name).summary.replace(/(.{1,64})(\s+|$)/g, `${' '.repeat(width)}$1\n`)
    return `  ${name}`.padEnd(width) + wrapped.slice(width)
  })
  return `\nHeads (D classes, d the width below the head):\n${lines.join('').trimEnd()}`
}
