// One trial: makes indexes over the rows of one head and compares their search with the exact topK. Arguments: { rows: trained |
// clustered | gaussian, numClasses, hiddenSize, examples (of the training), queries, threads: [...], k, together, searches:
// [{ sampled, options, search }] }. Prints one JSON line with a result for each number of threads.

import { setThreads } from '../../dist/index.js'
import { ROWS } from '../rows.mjs'
import { quantile } from '../statistics.mjs'
import { startClock } from '../timing.mjs'

const trial = JSON.parse(process.argv[2])
const { hiddenSize: d, k, together, queries } = trial
const { head, hidden, sample } = ROWS[trial.rows](trial)

const vectors = (from, to) => hidden.subarray(from * d, to * d)

/** Milliseconds a query of search(hidden vectors), medians: one by one (a sample is `run` of them), and `together` at once. */
function times(search, threads, { samples, run }) {
  const single = []
  for (let i = 0; i < samples; i++) {
    const elapsed = startClock(threads)
    for (let j = 0; j < run; j++) search(vectors((i * run + j) % queries, ((i * run + j) % queries) + 1))
    single.push(elapsed() / run)
  }
  const batches = []
  for (let from = 0; from + together <= queries && batches.length < samples; from += together) {
    const elapsed = startClock(threads)
    search(vectors(from, from + together))
    batches.push(elapsed() / together)
  }
  return { single: quantile(single, 0.5), each: quantile(batches, 0.5) }
}

const right = head.topK(hidden, k).classes

function recallOf({ classes }) {
  let hits = 0
  for (let j = 0; j < queries; j++) {
    const ids = new Set(classes.subarray(k * j, k * j + k))
    for (let i = 0; i < k; i++) hits += ids.has(right[k * j + i]) ? 1 : 0
  }
  return hits / right.length
}

const results = trial.threads.map((threads) => {
  setThreads(threads)
  const exact = times((queried) => head.topK(queried, k), threads, { samples: 9, run: 1 })
  const indexes = trial.searches.map(({ sampled, options, search }) => {
    const begin = performance.now()
    const index = head.index({ ...options, ...(sampled ? { queries: sample } : {}) })
    const seconds = (performance.now() - begin) / 1000
    const recall = recallOf(index.search(hidden, k, search))
    const facts = { sampled, options, search, seconds, recall, ...index.diagnostics() }
    const result = {
      ...facts,
      ...times((queried) => index.search(queried, k, search), threads, { samples: 25, run: 20 }),
    }
    index.close()
    return result
  })
  return { threads, exact, indexes }
})
process.stdout.write(`${JSON.stringify({ ...trial, results })}\n`)
