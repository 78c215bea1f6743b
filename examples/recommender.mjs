// A next-item recommender: from the items somebody looked at, in order, tell the next. A Trunk makes the hidden vector, a
// sampled softmax is the output layer, topK recommends.
//
//     node examples/recommender.mjs [items] [sessions]
//
// The sessions are made up, with a structure that can be learned: see walk().

import { SampledSoftmaxHead, Trunk } from 'widehead'
import { Random } from './random.mjs'

const [items = 20_000, sessions = 20_000] = process.argv.slice(2).map(Number)
const [embeddingSize, batchSize, epochs, recent] = [64, 128, 3, 5]

const random = new Random(1)
const all = Array.from({ length: sessions }, walk)
const heldOut = all.splice(0, 500)
// Each place of a session but the first is an example: all before it, and the item that came.
const examples = all.flatMap((session) =>
  session.slice(1).map((next, i) => ({ before: session.slice(0, i + 1), next })),
)

// Two bags of ids an example: the last item, and the last few together. Their embeddings stand side by side in the hidden vector.
const trunk = new Trunk({ vocabularySize: items, embeddingSize, slots: 2, combine: 'mean' })
const head = new SampledSoftmaxHead({
  numClasses: items,
  hiddenSize: trunk.hiddenSize,
  samples: 512,
  optimizer: { kind: 'adagrad' },
})

for (let epoch = 1; epoch <= epochs; epoch++) {
  shuffle(examples)
  let total = 0
  for (let first = 0; first < examples.length; first += batchSize) {
    const batch = examples.slice(first, first + batchSize)
    const hidden = trunk.forward(bags(batch.map(({ before }) => before)))
    const targets = Int32Array.from(batch, ({ next }) => next)
    const { loss, dHidden } = head.step(hidden, targets, { learningRate: 0.2 })
    trunk.backward(dHidden, { learningRate: 0.2 })
    total += loss * batch.length
  }
  console.log(`epoch ${epoch}: loss ${(total / examples.length).toFixed(3)}`)
}

// The last item of each session that was held out, beside always recommending what is most popular.
const hidden = trunk.evaluate(bags(heldOut.map((session) => session.slice(0, -1))))
const { classes } = head.topK(hidden, 20)
const popular = mostPopular(20)
const hits = (recommended) => heldOut.filter((session, j) => recommended(j).includes(session.at(-1))).length
const percent = (count) => `${((100 * count) / heldOut.length).toFixed(1)} %`
console.log(
  `held out: the next of ${items} items is among the first 20 in ${percent(hits((j) => classes.subarray(20 * j, 20 * j + 20)))}`,
)
console.log(`held out: among the 20 most popular in ${percent(hits(() => popular))}`)
console.log(`after ${heldOut[0].slice(0, -1)} recommended: ${classes.subarray(0, 5)}`)

/** What the trunk reads: for each example the bag of its last item, then the bag of its last few. */
function bags(histories) {
  const indptr = [0]
  const indices = []
  for (const history of histories) {
    indices.push(history.at(-1))
    indptr.push(indices.length)
    indices.push(...history.slice(-recent))
    indptr.push(indices.length)
  }
  return { indptr: Int32Array.from(indptr), indices: Int32Array.from(indices) }
}

/**
 * A session of 5 to 9 items. Each item has three that people like to go on to, the same for everybody; one time in five they
 * look at something popular.
 */
function walk() {
  const session = [random.rank(items)]
  const length = 5 + random.below(5)
  while (session.length < length) {
    const next = new Random(session.at(-1) * 3 + 7_000 + random.below(3))
    session.push(random.uniform() < 0.2 ? random.rank(items) : next.rank(items))
  }
  return session
}

function mostPopular(count) {
  const times = new Float64Array(items)
  for (const { next } of examples) times[next]++
  return [...times.keys()].sort((a, b) => times[b] - times[a]).slice(0, count)
}

/** Fisher and Yates. */
function shuffle(list) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[list[i], list[j]] = [list[j], list[i]]
  }
}
