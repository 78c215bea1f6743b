// Heads on texts of more than 200,000 words: what they learn in equally many steps, and how long these take. The full softmax's steps
// take so long that a run is a part of an epoch, with rates that fall to 0 at its end.

import { HEAD_NAMES } from '../../dist/cli/heads.js'
import { unpackText } from '../corpora.mjs'
import { learn } from '../learning.mjs'
import { isPart, quick } from '../settings.mjs'

// The dense head learns what the exact one does.
const sides = HEAD_NAMES.filter((name) => name !== 'dense').map((head) => ({ name: head, head, options: [] }))
sides.push(
  { name: 'sampled, 2048 drawn', head: 'sampled', options: ['--samples', '2048'] },
  { name: 'bulk, 512 drawn', head: 'bulk', options: ['--sampled', '512'] },
)

/** All words as they are written that occur twice: 236,803 and 510,541 of them. */
function text({ file, steps, ...more }) {
  const [bytes, heldOut] = quick ? [200_000, 200_000] : [undefined, 3_000_000]
  const maxSteps = quick ? 60 : steps
  return {
    needs: file,
    metric: 'top1',
    files: () => unpackText(file, bytes, heldOut),
    sides,
    examples: 128 * maxSteps,
    evaluated: 5000,
    ...more,
    options: [
      ...['--format', 'text', '--no-lowercase', ...more.options],
      ...['--embedding', '64', '--hidden', '128', '--epochs', '1', '--max-steps', `${maxSteps}`],
    ],
  }
}

const datasets = [
  text({ name: 'enwiki-all', file: 'enwiki.txt.xz', steps: 8000, options: [], rates: {} }),
  text({ name: 'kowiki-all', file: 'kowiki.txt.xz', steps: 2000, options: ['--tokens', 'whitespace'], rates: {} }),
]

export function wide() {
  const quality = learn(datasets)
  return isPart ? null : { quality }
}
