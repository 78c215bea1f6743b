// All heads of the command line on the same networks, data and order of the data: what they learn in how much time, and how fast their
// steps are beside the full softmax's.

import { unpackLines, unpackText, unpackXmc } from '../corpora.mjs'
import { interleave } from '../interleave.mjs'
import { defaultSides, heads, learn } from '../learning.mjs'
import { digits, markdownTable } from '../markdown.mjs'
import { runScript } from '../process.mjs'
import { isPart, quick, threadCounts } from '../settings.mjs'

/** More runs of some heads. */
const weighted = { name: 'exact, weighted', head: 'exact', options: ['--loss', 'weighted-squared-error'] }
const manyBulk = {
  name: 'bulk, 2048 drawn and 2048 retrieved',
  head: 'bulk',
  options: ['--sampled', '2048', '--retrieved', '2048'],
}
const manySamples = { name: 'lsh, 2048 samples', head: 'lsh', options: ['--samples', '2048'] }

// 128 features for the head to see. Heads have the rates of the command line, or that of `rates`, the best of a few tried on the same data.
const datasets = [
  {
    name: 'tib',
    needs: 'tib/train.txt.xz',
    metric: 'p@1',
    files: () => [unpackXmc('tib/train.txt.xz', quick && 3000), unpackXmc('tib/valid.txt.xz', 5000)],
    options: ['--format', 'xmc', '--hidden', '128', '--epochs', quick ? '1' : '3'],
    rates: {
      softmax: 0.3,
      sampled: 0.2,
      wta: 0.1,
      lsh: 0.15,
      'lsh, 2048 samples': 0.2,
      'exact, weighted': 1,
      [manyBulk.name]: 0.2,
    },
    sides: [...defaultSides, weighted, manySamples, manyBulk],
    examples: quick ? 3000 : 3 * 90_452,
  },
  {
    name: 'citeulike',
    needs: 'citeulike/train.txt.xz',
    metric: 'p@1',
    files: () => [unpackXmc('citeulike/train.txt.xz', quick && 2000), unpackXmc('citeulike/valid.txt.xz')],
    options: ['--format', 'xmc', '--hidden', '128', '--epochs', quick ? '1' : '4'],
    rates: { bulk: 0.05, softmax: 0.1, sampled: 0.05, hierarchical: 0.05, wta: 0.02, lsh: 0.02, 'exact, weighted': 1 },
    sides: [...defaultSides, weighted],
    examples: quick ? 2000 : 4 * 20_781,
  },
  {
    name: 'gowalla',
    needs: 'gowalla/train.txt.xz',
    metric: 'recall@20',
    files: () => [unpackLines('gowalla/train.txt.xz', quick && 1000), unpackLines('gowalla/valid.txt.xz')],
    options: ['--format', 'sets', '--hidden', '128', '--epochs', quick ? '1' : '10'],
    rates: { softmax: 0.1, sampled: 0.1 },
    sides: [...defaultSides, manyBulk],
    examples: quick ? 1000 : 298_580,
  },
  {
    name: 'diginetica',
    needs: 'diginetica/train.txt.xz',
    metric: 'mrr@20',
    files: () => [unpackLines('diginetica/train.txt.xz', quick && 2000), unpackLines('diginetica/valid.txt.xz')],
    options: ['--format', 'sequences', '--embedding', '64', '--epochs', '1'],
    rates: {},
    sides: [...defaultSides, manyBulk],
    examples: quick ? 7500 : 680_000,
  },
  {
    name: 'enwiki',
    needs: 'enwiki.txt.xz',
    metric: 'top1',
    files: () => unpackText('enwiki.txt.xz', quick ? 100_000 : 6_000_000, quick ? 50_000 : 500_000),
    options: ['--format', 'text', '--embedding', '64', '--hidden', '128', '--epochs', '1'],
    rates: {},
    sides: defaultSides,
    examples: quick ? 20_000 : 1_100_000,
  },
]

const shapes = [
  { numClasses: 41_218, labels: 3 },
  { numClasses: quick ? 60_000 : 670_091, labels: 1 },
]

/** Rows that have changed are hashed again every 64 steps, so steps come in such periods, and their mean is what counts. */
function speedTrial(head, shape, threads) {
  const [warmup, steps] = head === 'softmax' ? [1, quick ? 1 : 4] : quick ? [64, 64] : [128, 192]
  const settings = { head, ...shape, hiddenSize: 128, examples: 128, threads, warmup, steps }
  return () => {
    const result = runScript('heads', settings)
    return { ...result, ms: result.mean }
  }
}

function speeds(shape, threads) {
  const results = interleave(heads.map((head) => speedTrial(head, shape, threads)))
  const full = results.find(({ head }) => head === 'softmax')
  const classes = shape.numClasses.toLocaleString('en-US')
  console.log(
    `\nOne step: D = ${classes}, d = 128, m = 128, Zipf targets, ${shape.labels} an example, ${threads} thread(s)\n`,
  )
  console.log(
    markdownTable(
      results.map((result) => ({
        head: result.head,
        'ms a step': digits(result.ms),
        'examples/s': digits((1000 * result.examples) / result.ms),
        'times softmax': digits(full.ms / result.ms),
        'peak MiB': digits(result.peakMiB),
      })),
    ),
  )
  return results
}

export function headsTable() {
  const quality = learn(datasets)
  if (isPart) return null
  const speed = shapes.flatMap((shape) => threadCounts.flatMap((threads) => speeds(shape, threads)))
  return { quality, speed }
}
