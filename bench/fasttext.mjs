// fastText (Debian: fasttext) as a peer: its program, if there is one, and our data in its format.

import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { temporaryPath } from './corpora.mjs'

/** Whether the program `fasttext` is there. */
export function hasFastText() {
  return spawnSync('fasttext', []).error === undefined
}

function fastText(...args) {
  const start = performance.now()
  const { status, stdout, stderr } = spawnSync('fasttext', args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status !== 0) throw new Error(`fasttext ${args.join(' ')} ended with ${status}: ${stderr}`)
  return { seconds: (performance.now() - start) / 1000, stdout }
}

/** Trains with one thread. Returns the path of the model, and the seconds of the whole program. */
export function trainFastText(input, options) {
  const output = temporaryPath('fasttext-model')
  const flags = Object.entries(options).flatMap(([name, value]) => [`-${name}`, `${value}`])
  const { seconds } = fastText(
    'supervised',
    '-input',
    input,
    '-output',
    output,
    '-thread',
    '1',
    '-verbose',
    '0',
    ...flags,
  )
  rmSync(`${output}.vec`, { force: true })
  return { seconds, model: `${output}.bin` }
}

/** P@k of a model on a file. */
export function testFastText(model, input, k) {
  const { stdout } = fastText('test', model, input, `${k}`)
  return Number(/^P@\d+\s+([\d.]+)/m.exec(stdout)[1])
}

/** A file of the xmc format as lines of fastText's: labels, then each feature as a word, as often as its count. */
export function toFastText(xmc, name) {
  const [, ...lines] = readFileSync(xmc, 'utf8').trimEnd().split('\n')
  const rewritten = lines.map((line) => {
    const [labels, ...features] = line.split(' ')
    const words = features.filter(Boolean).flatMap((feature) => {
      const [id, count] = feature.split(':')
      return Array(Number(count)).fill(`w${id}`)
    })
    return [...labels.split(',').map((label) => `__label__${label}`), ...words].join(' ')
  })
  const path = temporaryPath(name)
  writeFileSync(path, `${rewritten.join('\n')}\n`)
  return path
}

/** Lines in which all of `numClasses` labels occur, so many a line: fastText draws one of them for each step of its softmax. */
export function labelLines(numClasses, lines) {
  const each = numClasses / lines
  const text = Array.from({ length: lines }, (_, i) => {
    const labels = Array.from({ length: each }, (_, k) => `__label__${i * each + k}`)
    return `${labels.join(' ')} w${i} w${(7 * i) % lines} w${(13 * i) % lines}`
  })
  const path = temporaryPath(`labels-${numClasses}`)
  writeFileSync(path, `${text.join('\n')}\n`)
  return path
}
