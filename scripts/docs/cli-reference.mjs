// docs/cli.md, from the program itself: its commands, their options in groups, what help says after them, exit codes, and the
// defaults that depend on the format, the head and the loss.

import { defaultHead, runDefaults } from '../../lib/cli/defaults.ts'
import { EXIT_CODES, EXIT_HELP } from '../../lib/cli/exit.ts'
import { HEAD_NAMES, headKind } from '../../lib/cli/heads.ts'
import { createProgram } from '../../lib/cli/program.ts'
import { FORMAT_NAMES } from '../../lib/data/formats/index.ts'
import { LOSSES } from '../../lib/losses.ts'

export function cliReference() {
  const program = createProgram({ stdin: null, stdout: null, stderr: null }, () => {})
  const sections = [
    '# Command line',
    'Written by `npm run docs` from the program itself; `widehead COMMAND --help` says the same.',
    table(
      ['command', 'what it does'],
      program.commands.map((command) => [
        `[\`${command.name()}\`](#widehead-${command.name()})`,
        command.description(),
      ]),
    ),
    'Results go to stdout, everything else to stderr. `widehead --version` prints the version.',
    ...program.commands.flatMap(commandSection),
    ...defaultsSection(),
    '## Exit codes',
    table(
      ['code', 'meaning'],
      EXIT_CODES.map(({ code, meaning }) => [code, meaning]),
    ),
  ]
  return `${sections.join('\n\n')}\n`
}

function commandSection(command) {
  const help = command.createHelp()
  const groups = groupBy(command.options, groupOf)
  const after = textAfterHelp(command)
  return [
    `## widehead ${command.name()}`,
    `${sentence(command.description())}`,
    `\`\`\`text\n${help.commandUsage(command)}\n\`\`\``,
    ...command.registeredArguments.map((argument) => `\`${argument.name()}\`: ${argument.description}.`),
    ...[...groups].flatMap(([group, options]) => [
      ...(groups.size > 1 ? [`### ${plain(group)}`] : []),
      table(['option', 'meaning', 'default'], options.map(optionRow)),
    ]),
    ...(after ? [`\`\`\`text\n${after}\n\`\`\``] : []),
  ]
}

function groupOf(option) {
  return (option.helpGroupHeading ?? 'Options').replace(/:$/, '')
}

function groupBy(items, keyOf) {
  const groups = new Map()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

/** Options whose defaults the format, the head and the loss choose. */
const CHOSEN = new Set(FORMAT_NAMES.flatMap((format) => Object.keys(runDefaults(format, 'softmax'))))

/** Defaults that a description tells, because they depend on something, go into the column of defaults too. */
function optionRow(option) {
  const { flags, description, argChoices, defaultValue, mandatory, variadic } = option
  const told = /\s*\(default: ([^)]*)\)/.exec(description)
  const text = told ? description.replace(told[0], '') : description
  const choices = argChoices ? `: ${argChoices.map((choice) => `\`${choice}\``).join(', ')}` : ''
  const fixed = typeof defaultValue === 'boolean' ? undefined : defaultValue
  const chosen = CHOSEN.has(option.attributeName()) ? '[chosen](#defaults-of-train)' : ''
  const value = mandatory ? 'required' : (told?.[1] ?? fixed ?? chosen)
  return [`\`${flags}\``, `${plain(text)}${choices}${variadic ? '; one or several' : ''}`, value]
}

/** What looks like a tag is none. */
function plain(text) {
  return text.replaceAll('<', '&lt;')
}

/** What help says after the options, without the exit codes, which all commands share. */
function textAfterHelp(command) {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp()
  return text.slice(command.helpInformation().length).replace(EXIT_HELP, '').trim()
}

function defaultsSection() {
  return [
    '## Defaults of train',
    "Chosen on held-out parts of public data, a few runs each; the rates of losses that are not the format's own come from a few short runs and " +
      'are no more than a start.',
    table(
      ['format', 'head', 'loss with `--head exact`', 'hidden', 'embedding', 'activation', 'batch', 'schedule'],
      FORMAT_NAMES.map((format) => {
        const { loss, hidden, embedding, activation, batch, schedule } = runDefaults(format, 'exact')
        return [
          format,
          defaultHead(format),
          loss,
          hidden.join(',') || 'none',
          embedding ?? hidden[0],
          activation,
          batch,
          schedule,
        ]
      }),
    ),
    ...FORMAT_NAMES.flatMap((format) => [`### Rates for ${format}`, rates(format)]),
  ]
}

function rates(format) {
  const runs = [
    ...HEAD_NAMES.filter((head) => headKind(head).loss).map((head) => [
      head,
      headKind(head).loss,
      runDefaults(format, head),
    ]),
    ...Object.keys(LOSSES).map((loss) => ['exact, dense', loss, runDefaults(format, 'exact', loss)]),
  ]
  return table(
    [
      'head',
      'loss',
      '`--head-optimizer`',
      '`--head-learning-rate`',
      '`--optimizer`',
      '`--learning-rate`',
      '`--epochs`',
      '`--negative-weight`',
    ],
    runs.map(([head, loss, { headOptimizer, headLearningRate, optimizer, learningRate, epochs, negativeWeight }]) => [
      head,
      loss,
      headOptimizer ?? '',
      headLearningRate,
      optimizer,
      learningRate,
      epochs,
      loss === 'weighted-squared-error' ? negativeWeight : '',
    ]),
  )
}

function table(header, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
  return [line(header), `|${'---|'.repeat(header.length)}`, ...rows.map(line)].join('\n')
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`
}
