// What the searches in hash tables find, against the share of the classes whose outputs they compute.

import { digits, markdownTable } from '../markdown.mjs'
import { runScript } from '../process.mjs'
import { quick } from '../settings.mjs'

const searches = [
  { name: 'wta, defaults', head: 'wta', options: {} },
  { name: 'wta, 1,200 hashes', head: 'wta', options: { permutations: 1200, codesPerTable: 4 } },
  { name: 'simhash, defaults', head: 'lsh', options: {} },
  { name: 'simhash, K = 9', head: 'lsh', options: { hashesPerTable: 9, tables: 64, bucketLimit: 4096 } },
  {
    name: 'simhash, K = 9, augmented',
    head: 'lsh',
    options: { hashesPerTable: 9, tables: 64, bucketLimit: 4096, augment: true },
  },
  { name: 'dwta, K = 4', head: 'lsh', options: { hash: 'dwta', hashesPerTable: 4, tables: 64 } },
]

export function retrieval() {
  const shape = { numClasses: quick ? 20_000 : 50_000, hiddenSize: 128, examples: 128, cosine: 0.7 }
  const candidates = quick ? [1000] : [100, 300, 1000, 3000]
  const results = searches.map((search) => ({
    ...runScript('retrieval', { ...shape, ...search, candidates }),
    ...search,
  }))
  console.log(
    `\nSearch in hash tables: ${shape.numClasses.toLocaleString('en-US')} rows in clusters, d = 128, queries at a cosine of ${shape.cosine} to a row; one thread, CPU time\n`,
  )
  console.log(
    markdownTable(
      results.flatMap(({ name, tableBytes, results: lines }) =>
        lines.map((line) => ({
          search: name,
          'outputs computed': `${digits(100 * line.share)} %`,
          'recall@1': digits(line.recall1),
          'recall@10': digits(line.recall10),
          'recall@100': digits(line.recall100),
          'softmax mass': digits(line.mass),
          'us a query': digits(line.microseconds),
          'tables MiB': digits(tableBytes / 2 ** 20),
        })),
      ),
    ),
  )
  return results
}
