// `widehead report`: one page over the metrics of several runs.

import { writeTextAtomically } from '../files/atomic.js'
import { exists } from '../files/exists.js'
import { report } from '../report/report.js'
import type { Io } from './io.js'
import { usage } from './run.js'

export interface ReportOptions {
  out: string
  overwrite?: boolean
}

export async function writeReport(runs: readonly string[], { out, overwrite }: ReportOptions, io: Io): Promise<number> {
  if ((await exists(out)) && !overwrite)
    throw usage(`${out} is already there: pass --overwrite to replace it, or another --out`)
  await writeTextAtomically(out, await report(runs))
  io.stderr.write(`wrote ${out}\n`)
  return 0
}
