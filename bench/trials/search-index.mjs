// One trial: makes an index and compares its search with the exact topK. Arguments: { rows: trained | clustered | gaussian,
// numClasses, hiddenSize, examples (of the training), queries, threads, k, together, options, searches: [{ sampled, options, search }] }.

import { setThreads } from '../../dist/index.js'
import { ROWS } from '../rows.mjs'
import { quantile } from '../statistics.mjs'
import { startClock } from '../timing.mjs'

const trial = JSON.parse(process.argv[2])
const { hiddenSize: d, k, together, queries, threads } = trial
const { head, hidden, sample } = ROWS[trial.rows](trial)
setThreads(threads)

/** Milliseconds of search(hidden vectors): one by one the median, and `together` at once for each of them. */
function times(search, most) {
  const single = []
  for (let j = 0; j < Math.min(queries, most); j++) {
    const one = hidden.subarray(j * d, (j + 1) * d)
    const elapsed = startClock(threads)
    search(one)
    single.push(elapsed())
  }
  const batches = []
  for (let j = 0; j + together <= queries && batches.length < most / 10; j += together) {
    const many = hidden.subarray(j * d, (j + together) * d)
    const elapsed = startClock(threads)
    search(many)
    batches.push(elapsed() / together)
  }
  return { single: quantile(single, 0.5), each: quantile(batches, 0.5) }
}

const right = head.topK(hidden, k).classes
const exact = times((vectors) => head.topK(vectors, k), 30)
const results = trial.searches.map(({ sampled, options, search }) => {
  const begin = performance.now()
  const index = head.index({ ...options, ...(sampled ? { queries: sample } : {}) })
  const seconds = (performance.now() - begin) / 1000
  const { classes } = index.search(hidden, k, search)
  let hits = 0
  for (let j = 0; j < queries; j++) {
    const ids = new Set(classes.subarray(k * j, k * j + k))
    for (let i = 0; i < k; i++) hits += ids.has(right[k * j + i]) ? 1 : 0
  }
  const result = { sampled, options, search, seconds, recall: hits / right.length, ...index.diagnostics() }
  Object.assign(result, times((vectors) => index.search(vectors, k, search), 300))
  index.close()
  return result
})
process.stdout.write(`${JSON.stringify({ ...trial, exact, results })}\n`)
