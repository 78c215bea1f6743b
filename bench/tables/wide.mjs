// Heads on texts of more than 200,000 words: what they learn in equally many steps, and how long these take. The full softmax's steps
// take so long that a run is a part of an epoch, with rates that fall to 0 at its end.

import { unpackText } from '../corpora.mjs'
import { defaultSides, learn } from '../learning.mjs'
import { isPart, quick } from '../settings.mjs'

const sides = [
  ...defaultSides,
  { name: 'sampled, 2048 drawn', head: 'sampled', options: ['--samples', '2048'] },
  { name: 'bulk, 512 drawn', head: 'bulk', options: ['--sampled', '512'] },
]

/** All words as they are written that occur twice: 236,865 and 510,611 of them. */
function text(name, file, steps, options = []) {
  const [bytes, heldOut] = quick ? [200_000, 200_000] : [undefined, 3_000_000]
  const maxSteps = quick ? 60 : steps
  return {
    name,
    needs: file,
    metric: 'top1',
    files: () => unpackText(file, bytes, heldOut),
    sides,
    rates: {},
    examples: 128 * maxSteps,
    evaluated: 5000,
    options: [
      ...['--format', 'text', '--no-lowercase', ...options],
      ...['--embedding', '64', '--hidden', '128', '--epochs', '1', '--max-steps', `${maxSteps}`],
    ],
  }
}

const datasets = [
  text('enwiki-all', 'enwiki.txt.xz', 8000),
  text('kowiki-all', 'kowiki.txt.xz', 2000, ['--tokens', 'whitespace']),
]

export function wide() {
  const quality = learn(datasets)
  return isPart ? null : { quality }
}
