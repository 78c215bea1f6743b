// One trial: examples/server.mjs on a model, asked over a number of connections for some seconds. Arguments: a JSON object
// { model, queries, connections, seconds }.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { quantile } from '../statistics.mjs'

const { model, queries, connections, seconds } = JSON.parse(process.argv[2])
const script = fileURLToPath(new URL('../../examples/server.mjs', import.meta.url))
const server = spawn(process.execPath, [script, model, '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
const port = Number(/port (\d+)/.exec(String(await once(server.stdout, 'data')))[1])
const agent = new Agent({ keepAlive: true, maxSockets: connections })

function ask(line) {
  const started = performance.now()
  return new Promise((resolve) => {
    const failed = () => resolve({ failed: true })
    const asking = request({ port, agent, method: 'POST', path: '/predict' }, (response) => {
      response.resume()
      response.on('end', () => resolve({ failed: response.statusCode !== 200, ms: performance.now() - started }))
      response.on('error', failed)
    })
    asking.on('error', failed)
    asking.end(JSON.stringify({ line }))
  })
}

const times = []
let errors = 0
async function client(number, until) {
  for (let i = number; performance.now() < until; i += connections) {
    const { failed, ms } = await ask(queries[i % queries.length])
    if (failed) errors++
    else times.push(ms)
  }
}

const all = (until) => Promise.all(Array.from({ length: connections }, (_, i) => client(i, until)))
await all(performance.now() + 1000) // warm
times.length = 0
await all(performance.now() + 1000 * seconds)
agent.destroy()
server.kill('SIGTERM')
await once(server, 'exit')
const result = {
  connections,
  perSecond: times.length / seconds,
  p50: quantile(times, 0.5),
  p99: quantile(times, 0.99),
  errors,
}
process.stdout.write(`${JSON.stringify(result)}\n`)
