// A server for a model that `widehead train` saved, with nothing but Node's own http:
//
//   node examples/server.mjs MODEL [PORT]
//   curl 'localhost:8080/predict?line=to+be+or+not+to&top=3'
//   curl -d '{"line": "to be or not to"}' localhost:8080/predict
//
// Queries that come at the same time are answered together, the search among the classes on other threads: that is createPredictor()'s
// doing.

import { createServer } from 'node:http'
import { createPredictor } from 'widehead'

const LONGEST_BODY = 2 ** 20

/** The query of a request: { line, top }. */
async function readQuery(request) {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  if (pathname !== '/predict') throw Object.assign(new Error('only /predict is here'), { status: 404 })
  if (request.method === 'GET') {
    const top = searchParams.get('top')
    return { line: searchParams.get('line'), ...(top !== null && { top: Number(top) }) }
  }
  if (request.method !== 'POST') throw Object.assign(new Error('GET or POST'), { status: 405 })
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk
    if (body.length > LONGEST_BODY) throw Object.assign(new Error('the body is too long'), { status: 413 })
  }
  return JSON.parse(body)
}

/** The errors of a query are the client's; all others are the server's. */
function statusOf(error) {
  if (error.status) return error.status
  return error instanceof SyntaxError || error.code?.startsWith('WIDEHEAD_') || error instanceof TypeError ? 400 : 500
}

const [model, port = '8080'] = process.argv.slice(2)
if (model === undefined) {
  console.error('usage: node examples/server.mjs MODEL [PORT]')
  process.exit(2)
}
const predictor = await createPredictor(model)
const server = createServer(async (request, response) => {
  let status = 200
  let answer
  try {
    const { line, top } = await readQuery(request)
    answer = await predictor.predict(line, { top })
  } catch (error) {
    status = statusOf(error)
    answer = { error: status === 500 ? 'internal error' : error.message, code: error.code }
  }
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(answer)}\n`)
})
server.listen(Number(port), () => console.log(`listening on port ${server.address().port}`))
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    // What is being answered still is.
    server.close(() => predictor.close())
    server.closeIdleConnections()
  })
}
