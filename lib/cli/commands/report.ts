// The options of `widehead report`.

import { Command } from 'commander'
import type { Io } from '../io.js'
import type { ReportOptions } from '../report.js'

const HELP = `
The page has curves over steps and over seconds, results and configurations side by side; it needs no network. Runs that
are going on, were killed or resumed can be read too.`

export function reportCommand(io: Io, exit: (code: number) => void): Command {
  return new Command('report')
    .description('one HTML page over the metrics of one or several runs')
    .argument('<runs...>', 'folders that train has written')
    .option('--out <file>', 'where the page goes', 'report.html')
    .option('--overwrite', 'replace a file that is there')
    .addHelpText('after', HELP)
    .action(async (runs: string[], options: ReportOptions) =>
      exit(await (await import('../report.js')).writeReport(runs, options, io)),
    )
}
