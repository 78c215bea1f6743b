// One page over several runs, with everything it needs inside.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { version } from '../version.js'
import { chartsOf } from './charts.js'
import { page } from './html.js'
import { type Run, readRun } from './run-log.js'
import { STYLE } from './style.js'
import { configurations, results, shortened } from './tables.js'

/** The page as HTML. Throws WIDEHEAD_FILE for a folder that holds no run; what is amiss with a run is told on the page. */
export async function report(folders: readonly string[]): Promise<string> {
  const runs: Run[] = []
  for (const folder of new Set(folders)) runs.push(await readRun(folder))
  const { resolve } = createRequire(import.meta.url)
  const [library, libraryStyle, client] = await Promise.all(
    [
      resolve('uplot/dist/uPlot.iife.min.js'),
      resolve('uplot/dist/uPlot.min.css'),
      fileURLToPath(new URL('./client.js', import.meta.url)),
    ].map((path) => readFile(path, 'utf8')),
  )
  return page({
    labels: runs.map(({ label }) => shortened(label)),
    charts: chartsOf(runs),
    results: results(runs),
    configurations: configurations(runs),
    notes: runs.map(({ notes }) => notes),
    library,
    client,
    styles: [libraryStyle, STYLE],
    version,
  })
}
