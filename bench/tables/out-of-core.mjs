// The exact head with its rows in a file, in turns with one in memory that has fewer classes: steps with Zipf targets, and rows read from
// the disk.
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
const beside = 100_000 // classes in memory

export function outOfCore() {
  const numClasses = Number(process.env.WIDEHEAD_BENCH_CLASSES ?? (quick ? 500_000 : 4_000_000))
  const folder = mkdtempSync(join(process.env.WIDEHEAD_BENCH_FOLDER ?? tmpdir(), 'widehead-out-of-core-'))
  const [warmup, steps] = quick ? [500, 500] : [3000, 1500]
  const files = { path: join(folder, 'rows.safetensors'), folder: join(folder, 'checkpoints'), read: 100_000 }
  try {
    const results = [128, 512].flatMap((examples) => {
      const trial = {
        ...shape,
        beside,
        examples,
        warmup: Math.round((128 * warmup) / examples),
        steps: Math.round((128 * steps) / examples),
      }
      return ['process', 'power'].map((durability) => {
        const result = runScript('out-of-core', { ...trial, numClasses, ...files, durability })
        // Off the clock: a file system that tells the disk of each block it frees takes minutes for the largest.
        for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
        return result
      })
    })
    print(results)
    return results.map(({ path: _, folder: __, ...result }) => result)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function print(results) {
  const ofMemory = (steps) => `${digits(steps.ratio)} (${digits(steps.medianRatio)})`
  console.log(
    '\nRows of V in a file, d = 128, Zipf targets, share 0.3, all cores; milliseconds a step, seconds for the rest, in brackets medians\n',
  )
  console.log(
    markdownTable(
      results.map((result) => ({
        D: result.numClasses.toLocaleString('en-US'),
        m: result.examples,
        rows: `file, ${result.durability}`,
        GB: digits(result.gigabytes),
        made: digits(result.createSeconds),
        'pages first touched': digits(result.pagesFirst),
        'a step': digits(result.fresh.file.mean),
        p99: digits(result.fresh.file.p99),
        'to that in memory': ofMemory(result.fresh),
        settled: digits(result.settled.file.mean),
        'settled, to memory': ofMemory(result.settled),
        saved: digits(result.saveSeconds),
        'rows/s from disk': Math.round(result.cold).toLocaleString('en-US'),
        'rows/s from memory': Math.round(result.warm).toLocaleString('en-US'),
        'RSS, MiB': digits(result.maxRssMiB),
      })),
    ),
  )
}
