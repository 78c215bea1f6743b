// Whole command lines, a line an argument, on data that are not there: whatever stands before that is told apart as usage.

import { EXIT } from '../../../lib/cli/exit.js'
import { widehead } from '../../cli/helpers.js'
import { accepted, must, type Target } from '../target.js'

const NOWHERE = '/dev/null/none'
const ALLOWED: readonly number[] = [EXIT.ok, EXIT.usage, EXIT.file]

export const cli: Target = {
  name: 'cli',
  dictionary: [
    'train',
    'evaluate',
    'predict',
    'help',
    '--help',
    '--version',
    '--head',
    'lsh',
    'wta',
    'exact',
    '--tables',
    '--window',
  ]
    .concat([
      '--hidden',
      '--loss',
      'z-loss',
      '--alpha',
      '--format',
      'text',
      '--context',
      '--no-normalise',
      '--learning-rate',
      '\n',
    ])
    .concat([
      '--approximate',
      '--top',
      '--seed',
      '--',
      '-',
      '--sampler',
      'unigram',
      '--no-lowercase',
      '--epochs=',
      '--bias',
      '1',
    ]),
  seeds: [
    'train\n--head\nlsh\n--tables\n8',
    'train\n--loss\nz-loss\n--alpha\n0.5',
    'predict\n--approximate\n--top\n5',
    'help\ntrain',
  ],

  async check(input) {
    // No argument names a file that could be there.
    const given = input.toString('utf8').replaceAll(/[/\\]/g, '').split('\n').slice(0, 200)
    const rest = given[0] === 'train' ? ['--train', NOWHERE, '--out', NOWHERE] : ['--model', NOWHERE]
    const data = given[0] === 'evaluate' ? ['--data', NOWHERE] : []
    const result = await accepted(input, () => widehead([...given, ...rest, ...data]))
    must(result !== undefined, 'the command line throws nothing')
    const { code, stderr } = result.value
    must(ALLOWED.includes(code as number), `exit code ${code}: ${stderr.slice(0, 500)}`)
    must(code === EXIT.ok || /^widehead: /m.test(stderr), `does not say what is wrong: ${stderr.slice(0, 200)}`)
  },
}
