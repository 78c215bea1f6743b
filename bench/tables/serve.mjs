// The example server under load: a model of 100,000 items, asked over 1, 8 and 64 connections.

import { writeFileSync } from 'node:fs'
import { Readable, Writable } from 'node:stream'
import { run } from '../../dist/cli/program.js'
import { temporaryPath } from '../corpora.mjs'
import { digits, markdownTable } from '../markdown.mjs'
import { runScript } from '../process.mjs'
import { quick } from '../settings.mjs'

const items = quick ? 20_000 : 100_000

/** Sessions in which each item is in one at least, so that the catalogue has all of them. */
function sessions() {
  const lines = []
  for (let i = 0; i < items; i += 5)
    lines.push([0, 1, 2, 3, 4].map((j) => `i${(i + 7 * j) % items} i${i + j}`).join(' '))
  return lines
}

export async function serve() {
  const [data, model] = [temporaryPath('sessions'), temporaryPath('served')]
  const lines = sessions()
  writeFileSync(data, lines.join('\n'))
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const args = [
    '--train',
    data,
    '--format',
    'sequences',
    '--out',
    model,
    '--epochs',
    '1',
    '--embedding',
    '128',
    '--hidden',
    '128',
  ]
  const code = await run(['train', ...args], { stdin: Readable.from([]), stdout: silent, stderr: silent })
  if (code !== 0) throw new Error(`widehead train ended with ${code}`)
  const queries = lines.slice(0, 1000)
  const results = [1, 8, 64].map((connections) =>
    runScript('load', { model, queries, connections, seconds: quick ? 2 : 8 }),
  )
  console.log(
    `\nexamples/server.mjs, ${items} classes of width 128, 10 exact answers with probabilities; milliseconds\n`,
  )
  console.log(
    markdownTable(
      results.map(({ connections, perSecond, p50, p99, errors }) => ({
        connections,
        'answers a second': digits(perSecond),
        p50: digits(p50),
        p99: digits(p99),
        errors,
      })),
    ),
  )
  return { items, results }
}
