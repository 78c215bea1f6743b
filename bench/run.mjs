// npm run bench: measures this machine. Sides take turns, each trial runs in a fresh process, medians are reported with their
// spread. With one thread CPU time is measured, with more the wall clock. Results go to bench/results/, a JSON file a table.
//
//   npm run bench                        all tables
//   npm run bench -- kernels step        some of them
//   WIDEHEAD_BENCH_ONLY=tib,gowalla      of heads, wide and fidelity only these data sets; printed and plotted, no file
//   WIDEHEAD_BENCH_QUICK=1               in some four minutes, with fewer shapes and samples

import { isa } from '../dist/index.js'
import { handOffNs, othersBusy } from './process.mjs'
import { writeTable } from './results.mjs'
import { bulk } from './tables/bulk.mjs'
import { checkpoint } from './tables/checkpoint.mjs'
import { distributed } from './tables/distributed.mjs'
import { fidelity } from './tables/fidelity.mjs'
import { headsTable } from './tables/heads.mjs'
import { inference } from './tables/inference.mjs'
import { kernels } from './tables/kernels.mjs'
import { memory } from './tables/memory.mjs'
import { outOfCore } from './tables/out-of-core.mjs'
import { paperTable } from './tables/paper.mjs'
import { pauses } from './tables/pauses.mjs'
import { peers } from './tables/peers.mjs'
import { retrieval } from './tables/retrieval.mjs'
import { scaling } from './tables/scaling.mjs'
import { serve } from './tables/serve.mjs'
import { step } from './tables/step.mjs'
import { trunk } from './tables/trunk.mjs'
import { wide } from './tables/wide.mjs'

const tables = {
  kernels,
  step,
  paper: paperTable,
  scaling,
  pauses,
  memory,
  'out-of-core': outOfCore,
  trunk,
  retrieval,
  inference,
  fidelity,
  bulk,
  heads: headsTable,
  wide,
  checkpoint,
  serve,
  peers,
  distributed,
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !Object.hasOwn(tables, name))
if (unknown.length > 0) {
  console.error(`unknown table ${unknown.join(', ')}: choose from ${Object.keys(tables).join(', ')}`)
  process.exit(2)
}
for (const [name, run] of Object.entries(tables)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  process.stderr.write(`\n${name} (${isa()}) `)
  const result = await run()
  if (result !== null) console.log(`\nwritten to ${writeTable(name, result)}`)
}
const { median, most } = othersBusy()
if (most > 0.1) {
  const percent = (share) => `${Math.round(100 * share)} %`
  console.log(
    `\nThe machine was not quiet: other work kept its cores ${percent(median)} busy (median; at most ${percent(most)}). Numbers with more than one thread mean little then.`,
  )
}
const handOff = handOffNs()
if (handOff && handOff.most > 2 * handOff.least) {
  console.log(
    `\nThe cores were moved while it ran: a cache line took ${Math.round(handOff.least)} to ${Math.round(handOff.most)} ns from one to the other and back (median ${Math.round(handOff.median)}). Numbers with more than one thread are of both kinds then.`,
  )
}
