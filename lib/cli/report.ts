// `widehead report`: one page over the metrics of several runs.

import { access } from 'node:fs/promises'
import { writeTextAtomically } from '../files/atomic.js'
import { report } from '../report/report.js'
import type { Io } from './io.js'
import { usage } from './run.js'

export interface ReportOptions {
  out: string
  overwrite?: boolean
}

export async function writeReport(runs: readonly string[], { out, overwrite }: ReportOptions, io: Io): Promise<number> {
  const exists = await access(out).then(
    () => true,
    () => false,
  )
  if (exists && !overwrite) throw usage(`${out} is already there: pass --overwrite to replace it, or another --out`)
  await writeTextAtomically(out, await report(runs))
  io.stderr.write(`wrote ${out}\n`)
  return 0
}
