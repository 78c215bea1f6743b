// Heads with many classes to search in: trained on made-up data, in clusters, or at random.

import { SampledSoftmaxHead, SoftmaxHead, Trunk } from '../dist/index.js'
import { randomSource } from './data.mjs'

const VOCABULARY = 100_000
const TOPIC_WORDS = 200
const CLASS_WORDS = 12
const WORDS = 8 // of an example

/** A whole number below `limit` that looks random, the same for the same numbers. */
function scrambled(a, b, limit) {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 1, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  return ((h ^ (h >>> 13)) >>> 0) % limit
}

/**
 * Documents and their tags: tags belong to topics of 500, a topic has words and a tag some of those. An example has six words of
 * its tag and two of the topic; half of the examples draw the tag uniformly, half by Zipf's law.
 */
function documents(numClasses, seed) {
  const random = randomSource(seed)
  const topics = Math.ceil(numClasses / 500)
  const topicWord = (topic, i) => scrambled(topic, i, VOCABULARY)
  const draw = (n) => Math.floor(random.uniform() * n)
  return (m) => {
    const targets = new Int32Array(m)
    const indices = new Int32Array(m * WORDS)
    for (let j = 0; j < m; j++) {
      const tag = random.uniform() < 0.5 ? draw(numClasses) : random.zipf(numClasses)
      const topic = tag % topics
      targets[j] = tag
      for (let i = 0; i < WORDS; i++) {
        const word = i < 6 ? scrambled(tag, draw(CLASS_WORDS), TOPIC_WORDS) : draw(TOPIC_WORDS)
        indices[j * WORDS + i] = topicWord(topic, word)
      }
    }
    return { targets, bags: { indptr: Int32Array.from({ length: m + 1 }, (_, j) => j * WORDS), indices } }
  }
}

/** A head whose rows a network has been trained with, and hidden vectors of examples it has not seen. */
function trained({ numClasses, hiddenSize, examples, queries }) {
  const head = new SampledSoftmaxHead({
    numClasses,
    hiddenSize,
    samples: 2048,
    optimizer: { kind: 'adagrad' },
    init: { kind: 'normal', scale: 0.01 },
  })
  const trunk = new Trunk({
    vocabularySize: VOCABULARY,
    embeddingSize: hiddenSize,
    combine: 'mean',
    layers: [{ size: hiddenSize, activation: 'tanh' }],
  })
  const next = documents(numClasses, 1)
  const m = 256
  for (let seen = 0; seen < examples; seen += m) {
    const { targets, bags } = next(m)
    const learningRate = 0.1 * (1 - seen / examples)
    const { dHidden } = head.step(trunk.forward(bags), targets, { learningRate })
    trunk.backward(dHidden, { learningRate: 0.001 })
  }
  const held = documents(numClasses, 2)
  return { head, hidden: trunk.evaluate(held(queries).bags), sample: trunk.evaluate(held(512).bags) }
}

/** Normal numbers; a pool of them that repeats with an odd period is as good and a hundred times as fast. */
function normals(count, seed) {
  const random = randomSource(seed)
  const pool = Float32Array.from({ length: 1_000_003 }, () => random.normal())
  const values = new Float32Array(count)
  for (let i = 0; i < count; i += pool.length) values.set(pool.subarray(0, Math.min(pool.length, count - i)), i)
  return values
}

function given(weights, { numClasses, hiddenSize: d }, queriesOf) {
  const head = new SoftmaxHead({ numClasses, hiddenSize: d, init: { kind: 'weights', weights } })
  return { head, hidden: queriesOf(3), sample: queriesOf(4) }
}

/** Rows in 2,000 clusters, queries at a cosine of about 0.7 to a row. */
function clustered(shape) {
  const { numClasses, hiddenSize: d, queries } = shape
  const weights = normals(numClasses * d, 1)
  const centres = normals(2000 * d, 2)
  for (let i = 0; i < weights.length; i++) weights[i] += centres[((Math.floor(i / d) * 7919) % 2000) * d + (i % d)]
  return given(weights, shape, (seed) => {
    const random = randomSource(seed)
    return Float32Array.from({ length: queries * d }, (_, i) => {
      const row = Math.floor((Math.floor(i / d) * numClasses) / queries)
      return 0.1 * (weights[row * d + (i % d)] + 1.4 * random.normal())
    })
  })
}

/** Nothing to find cells in: the worst case of every index. */
function gaussian(shape) {
  const { numClasses, hiddenSize: d, queries } = shape
  const random = randomSource(5)
  const weights = new Float32Array(numClasses * d)
  for (let i = 0; i < weights.length; i++) weights[i] = random.normal()
  return given(weights, shape, (seed) => {
    const source = randomSource(seed)
    return Float32Array.from({ length: queries * d }, () => 0.1 * source.normal())
  })
}

export const ROWS = { trained, clustered, gaussian }
