// How near losses over few classes come to the full softmax on trained models, early and late: the gradient for the hidden vectors, and
// log Z. Numbers of classes are those computed beside an example's own targets. The models are those of the sampled softmax with many
// draws, which are near the full softmax's and take a tenth of the time.

import { temporaryPath, unpackLines, unpackText, unpackXmc, wantedOf } from '../corpora.mjs'
import { digits, markdownTable } from '../markdown.mjs'
import { runScript } from '../process.mjs'
import { isPart, quick } from '../settings.mjs'

const sizes = quick ? [64] : [64, 256, 1024]

const datasets = [
  {
    name: 'gowalla, sets',
    needs: 'gowalla/train.txt.xz',
    files: () => [unpackLines('gowalla/train.txt.xz', quick && 1000), unpackLines('gowalla/valid.txt.xz')],
    options: ['--format', 'sets', '--hidden', '128'],
    epochs: { early: 2, late: 10 },
  },
  {
    name: 'tib, tagging',
    needs: 'tib/train.txt.xz',
    files: () => [unpackXmc('tib/train.txt.xz', quick && 2000), unpackXmc('tib/valid.txt.xz', 5000)],
    options: ['--format', 'xmc', '--hidden', '128', '--head-learning-rate', '0.2'],
    epochs: { early: 1, late: 4 },
  },
  {
    name: 'diginetica, sequences',
    needs: 'diginetica/train.txt.xz',
    files: () => [unpackLines('diginetica/train.txt.xz', quick && 1000), unpackLines('diginetica/valid.txt.xz')],
    options: ['--format', 'sequences', '--embedding', '64'],
    epochs: { early: 1, late: 3 },
  },
  {
    name: 'enwiki, text',
    needs: 'enwiki.txt.xz',
    files: () => unpackText('enwiki.txt.xz', quick ? 100_000 : 4_000_000, quick ? 50_000 : 500_000),
    options: ['--format', 'text', '--embedding', '64', '--hidden', '128'],
    epochs: { early: 1, late: 3 },
  },
]

function show(name, when, { numClasses, sd, largest, recall, results }) {
  const D = numClasses.toLocaleString('en-US')
  const outputs = `outputs: sd ${digits(sd)}, largest ${digits(largest)}`
  console.log(`\n${name}, ${when}: D = ${D}; ${outputs}; hash tables find ${digits(recall)} of the 64 best\n`)
  console.log(
    markdownTable(
      results.map((line) => ({
        classes: line.size,
        method: line.method,
        'relative error of the gradient': line.error.toFixed(3),
        cosine: line.cosine.toFixed(4),
        'bias of log Z': line.bias.toFixed(2),
        'sd of it': line.sd.toFixed(2),
      })),
    ),
  )
}

export function fidelity() {
  const results = wantedOf(datasets).flatMap(({ name, files, options, epochs }) => {
    const [train, valid] = files()
    return Object.entries(epochs).map(([when, count]) => {
      const network = ['--head', 'sampled', '--samples', '2048', '--batch', '128']
      const args = [...options, ...network, '--train', train, '--epochs', `${quick ? 1 : count}`]
      const result = runScript('fidelity', { args, out: temporaryPath('model'), train, valid, examples: 64, sizes })
      show(name, when, result)
      return { name, when, ...result }
    })
  })
  return isPart ? null : results
}
