// Public data for the benches that train: in a folder beside the project, or where WIDEHEAD_BENCH_DATA says, packed with xz. What a
// bench uses of it is unpacked into a temporary folder.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isWanted } from './settings.mjs'

export const dataFolder =
  process.env.WIDEHEAD_BENCH_DATA ?? fileURLToPath(new URL('../../shared/data', import.meta.url))

let folder

/** A path for a file or folder that is gone when the bench ends. */
export function temporaryPath(name) {
  if (!folder) {
    folder = mkdtempSync(join(tmpdir(), 'widehead-bench-'))
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  }
  return join(folder, name)
}

export function isThere(name) {
  return existsSync(join(dataFolder, name))
}

/** Of data sets with a `name` and the file that each `needs` those that are asked for and there; says which are not. */
export function wantedOf(datasets) {
  const wanted = datasets.filter(({ name }) => isWanted(name))
  for (const { name } of wanted.filter(({ needs }) => !isThere(needs))) {
    console.log(`\n${name}: not in ${dataFolder} (WIDEHEAD_BENCH_DATA says where data are), passed over`)
  }
  return wanted.filter(({ needs }) => isThere(needs))
}

/** The beginning of a packed file: so many lines, or so many bytes of them. */
function beginning(name, { lines, bytes }) {
  const cut = lines ? ['-n', `${lines}`] : ['-c', `${bytes ?? 2 ** 40}`]
  const script = 'xz -dc "$0" | head "$1" "$2"'
  const { stdout, status, stderr } = spawnSync('sh', ['-c', script, join(dataFolder, name), ...cut], {
    maxBuffer: 2 ** 30,
  })
  if (status !== 0 || stdout.length === 0) throw new Error(`cannot unpack ${name}: ${stderr}`)
  return stdout
}

/** Unpacks a file of lines, or its first `lines`. */
export function unpackLines(name, lines) {
  const path = temporaryPath(name.replaceAll('/', '-').replace(/\.xz$/, ''))
  writeFileSync(path, beginning(name, { lines }))
  return path
}

/** The same of a file whose first line says how many follow, as `N F D`. */
export function unpackXmc(name, lines) {
  const path = unpackLines(name, lines && lines + 1)
  if (lines) {
    const [header, ...rows] = readFileSync(path, 'utf8').trimEnd().split('\n')
    writeFileSync(path, [header.replace(/^\d+/, `${rows.length}`), ...rows, ''].join('\n'))
  }
  return path
}

/** The beginning of a text (all of it, of no number of bytes), cut in two at a document's limit: what to train on, and what is held out. */
export function unpackText(name, bytes, heldOut) {
  const text = beginning(name, { bytes: bytes && bytes + heldOut })
  const cut = text.indexOf('\n<doc', bytes ?? text.length - heldOut) + 1
  const paths = [temporaryPath('text-train'), temporaryPath('text-valid')]
  writeFileSync(paths[0], text.subarray(0, cut))
  writeFileSync(paths[1], text.subarray(cut))
  return paths
}
