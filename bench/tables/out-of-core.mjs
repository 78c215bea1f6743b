// The exact head with its rows in a file, beside one in memory that has fewer classes: steps with Zipf targets, and rows read from the
// disk.
// Steps are timed twice: with targets that are new, many of whose pages are touched for the first time since a save, and with the same
// targets once more (settled).
//
//   WIDEHEAD_BENCH_CLASSES=50000000   classes of the file, 512 bytes each (default 4,000,000: 2 GB)
//   WIDEHEAD_BENCH_FOLDER=/somewhere  where the file is made and removed again (default: the folder for temporary files)

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digits, markdownTable } from '../markdown.mjs'
import { runScript } from '../process.mjs'
import { quick } from '../settings.mjs'

const shape = { hiddenSize: 128, share: 0.3 }
const inMemory = 100_000

export function outOfCore() {
  const numClasses = Number(process.env.WIDEHEAD_BENCH_CLASSES ?? (quick ? 500_000 : 4_000_000))
  const folder = mkdtempSync(join(process.env.WIDEHEAD_BENCH_FOLDER ?? tmpdir(), 'widehead-out-of-core-'))
  const [warmup, steps] = quick ? [500, 500] : [3000, 1500]
  const files = { path: join(folder, 'rows.safetensors'), folder: join(folder, 'checkpoints'), read: 100_000 }
  try {
    const results = [128, 512].flatMap((examples) => {
      const trial = {
        ...shape,
        examples,
        warmup: Math.round((128 * warmup) / examples),
        steps: Math.round((128 * steps) / examples),
      }
      const memory = runScript('out-of-core', { ...trial, numClasses: inMemory })
      const durabilities = ['process', 'power'].map((durability) => {
        const result = runScript('out-of-core', { ...trial, numClasses, ...files, durability })
        // Off the clock: a file system that tells the disk of each block it frees takes minutes for the largest.
        for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
        return {
          ...result,
          ratio: result.mean / memory.mean,
          settledRatio: result.settled.mean / memory.settled.mean,
          medianRatio: result.settled.ms / memory.settled.ms,
        }
      })
      return [memory, ...durabilities]
    })
    print(results)
    return results.map(({ path: _, folder: __, ...result }) => result)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function print(results) {
  console.log(
    '\nRows of V in a file, d = 128, Zipf targets, share 0.3, all cores; milliseconds a step, seconds for the rest\n',
  )
  console.log(
    markdownTable(
      results.map((result) => ({
        D: result.numClasses.toLocaleString('en-US'),
        m: result.examples,
        rows: result.durability ? `file, ${result.durability}` : 'memory',
        GB: result.gigabytes ? digits(result.gigabytes) : '',
        made: digits(result.createSeconds),
        'pages first touched': result.durability ? digits(result.pagesFirst) : '',
        'a step': digits(result.mean),
        p99: digits(result.p99),
        'to that in memory': result.ratio ? digits(result.ratio) : '1',
        settled: digits(result.settled.mean),
        'settled, to memory': result.ratio ? digits(result.settledRatio) : '1',
        'its median': digits(result.settled.ms),
        'median, to memory': result.ratio ? digits(result.medianRatio) : '1',
        saved: result.saveSeconds ? digits(result.saveSeconds) : '',
        'rows/s from disk': result.cold ? Math.round(result.cold).toLocaleString('en-US') : '',
        'rows/s from memory': result.warm ? Math.round(result.warm).toLocaleString('en-US') : '',
        'RSS, MiB': digits(result.maxRssMiB),
      })),
    ),
  )
}
