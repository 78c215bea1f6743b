// npm run demo: trains a next-token model on the declarations and documentation under node_modules, through the command
// line, in a minute or two; then says how good it is, and shows what it predicts.

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const program = join(root, 'dist/cli/main.js')

/** Characters of one file, and of all: no file rules the corpus, and two cores are done in a minute or two. */
const MOST_OF_A_FILE = 30_000
const MOST_OF_ALL = 4_000_000
/** Each tenth file is held out. */
const HELD_OUT = 10

const PROMPTS = [
  'export declare',
  'import type { Readable } from',
  '@param options The',
  'readonly name :',
  'interface Options extends',
  'callback : ( err : Error |',
  'This package is licensed under the',
  'function isArray ( value : unknown ) :',
]
const CONTINUE_BY = 8

if (!existsSync(program)) fail('the package is not built: run npm run compile first')
const folder = mkdtempSync(join(tmpdir(), 'widehead-demo-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.on('SIGINT', () => process.exit(130))

const train = join(folder, 'train.txt')
const test = join(folder, 'test.txt')
const model = join(folder, 'model')
await collect()
const task = ['--format', 'text', '--no-lowercase', '--head', 'exact', '--epochs', '2']
await widehead('train', '--train', train, ...task, '--out', model)
const { stdout } = await widehead('evaluate', '--model', model, '--data', test, '--limit', '20000', '--json')
await report(JSON.parse(stdout))
await show()

/** Writes the corpus, a <doc> a file, in an order that is the same on every machine with these packages. */
async function collect() {
  const paths = readdirSync(join(root, 'node_modules'), { recursive: true })
    .filter((path) => /\.(d\.ts|md)$/.test(path))
    .sort()
  const parts = { [train]: [], [test]: [] }
  let total = 0
  let files = 0
  // A stride through the sorted list takes something of every package when not all fits.
  const stride = 7
  for (let start = 0; start < stride && total < MOST_OF_ALL; start++) {
    for (let i = start; i < paths.length && total < MOST_OF_ALL; i += stride) {
      const text = readFileSync(join(root, 'node_modules', paths[i]), 'utf8').slice(0, MOST_OF_A_FILE)
      parts[files++ % HELD_OUT ? train : test].push(`<doc>\n${text}\n</doc>\n`)
      total += text.length
    }
  }
  for (const [path, documents] of Object.entries(parts)) writeFileSync(path, documents.join(''))
  console.log(
    `${files} files of node_modules, ${(total / 1e6).toFixed(1)} million characters, each tenth file held out\n`,
  )
}

function start(args, stdio) {
  const child = spawn(process.execPath, [program, ...args], { stdio })
  const end = new Promise((resolve) => child.on('close', resolve))
  return { child, end }
}

async function widehead(...args) {
  console.log(`$ widehead ${args.join(' ').replaceAll(folder, '.')}`)
  const { child, end } = start(args, ['ignore', 'pipe', 'inherit'])
  let stdout = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  if ((await end) !== 0) fail('that did not work')
  return { stdout }
}

/** The model beside what two simple guesses reach on the same kind of text. */
async function report(scores) {
  const { words } = await import(join(root, 'dist/data/formats/tokens.js'))
  const read = (path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => !/^<\/?doc>/.test(line))
      .flatMap(words)
  const [seen, held] = [read(train), read(test)]
  const best = mostFrequent(seen)
  const follower = mostFrequentFollower(seen)
  const share = (hits) => `${((100 * hits) / held.length).toFixed(1)} %`
  const always = held.filter((word) => word === best).length
  const bigram = held.filter((word, i) => word === (follower.get(held[i - 1]) ?? best)).length
  console.log(`
How often the next of ${held.length} held-out tokens is guessed right:
  always ${JSON.stringify(best)}, the most frequent       ${share(always)}
  what most often follows the last token  ${share(bigram)}
  the network's first guess               ${(100 * scores.top1).toFixed(1)} %
  among the network's first ten           ${(100 * scores.top10).toFixed(1)} %
  perplexity ${scores.perplexity.toFixed(1)}
`)
}

function mostFrequent(tokens) {
  const counts = new Map()
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1)
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))[0]
}

function mostFrequentFollower(tokens) {
  const followers = new Map()
  tokens.forEach((token, i) => {
    if (i + 1 === tokens.length) return
    if (!followers.has(token)) followers.set(token, [])
    followers.get(token).push(tokens[i + 1])
  })
  return new Map([...followers].map(([token, list]) => [token, mostFrequent(list)]))
}

/** Asks one running `widehead predict` for the next token again and again. */
async function show() {
  const { child, end } = start(['predict', '--model', model, '--top', '4'], ['pipe', 'pipe', 'inherit'])
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async (text) => {
    child.stdin.write(`${text}\n`)
    return JSON.parse((await answers.next()).value).predictions
  }
  for (const prompt of PROMPTS) {
    const first = await ask(prompt)
    const guesses = first.map((guess) => `${guess.class} ${(100 * guess.probability).toFixed(0)}%`).join('   ')
    let text = prompt
    for (let i = 0; i < CONTINUE_BY; i++) text += ` ${(i ? (await ask(text))[0] : first[0]).class}`
    console.log(`${prompt}  ->  ${guesses}\n    ${text.slice(prompt.length)}\n`)
  }
  child.stdin.end()
  await end
}

function fail(message) {
  console.error(`demo: ${message}`)
  process.exit(1)
}
