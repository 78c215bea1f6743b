// Tags for texts, on top of an encoder that stays as it is: its embeddings are the hidden vectors, and only the head is trained.
//
//     node examples/frozen-embeddings.mjs [tags] [documents]
//
// The encoder here is a stand-in that needs no download. What a head wants from one is a Float32Array of n * d numbers, which is
// what transformers.js gives; put this in the place of encode() below, and the head's hiddenSize is the model's (384 here):
//
//     import { pipeline } from '@huggingface/transformers'
//     const extract = await pipeline('feature-extraction', 'Xenova/all-MiniLM-L6-v2')
//     const encode = async (texts) => (await extract(texts, { pooling: 'mean', normalize: true })).data

import { ExactHead, squaredError } from 'widehead'
import { Random } from './random.mjs'

const [tags = 20_000, documents = 10_000] = process.argv.slice(2).map(Number)
const [hiddenSize, batchSize, epochs] = [384, 100, 3]

const random = new Random(1)
const corpus = Array.from({ length: documents }, write)
const heldOut = corpus.splice(0, 500)

// Each text is encoded once and kept: the encoder does not change.
const hidden = await encode(corpus.map(({ text }) => text))

const head = new ExactHead({ numClasses: tags, hiddenSize, loss: squaredError() })
for (let epoch = 1; epoch <= epochs; epoch++) {
  let total = 0
  for (let first = 0; first < corpus.length; first += batchSize) {
    const batch = corpus.slice(first, first + batchSize)
    const vectors = hidden.subarray(first * hiddenSize, (first + batch.length) * hiddenSize)
    total += head.step(vectors, sparseTargets(batch), { learningRate: 3 }).loss * batch.length
  }
  console.log(`epoch ${epoch}: loss ${(total / corpus.length).toFixed(4)}`)
}

const best = head.topK(await encode(heldOut.map(({ text }) => text)), 5)
let first = 0
let found = 0
let frequent = 0
let wanted = 0
heldOut.forEach((document, j) => {
  const guesses = best.classes.subarray(5 * j, 5 * j + 5)
  if (document.tags.includes(guesses[0])) first++
  found += document.tags.filter((tag) => guesses.includes(tag)).length
  frequent += document.tags.filter((tag) => tag < 5).length // ids go by frequency here
  wanted += document.tags.length
})
console.log(`held out: the first of ${tags} tags is right in ${((100 * first) / heldOut.length).toFixed(1)} %`)
console.log(`held out: ${((100 * found) / wanted).toFixed(1)} % of the tags are among the first 5`)
console.log(`held out: ${((100 * frequent) / wanted).toFixed(1)} % are among the 5 most frequent`)
console.log(`"${heldOut[0].text}"\n  has ${heldOut[0].tags}; the head says ${best.classes.subarray(0, 5)}`)

/** Targets of documents with any number of tags: those of document j are indices[indptr[j]] to indices[indptr[j + 1] - 1]. */
function sparseTargets(batch) {
  const indptr = new Int32Array(batch.length + 1)
  batch.forEach((document, j) => {
    indptr[j + 1] = indptr[j] + document.tags.length
  })
  // Without `values` each tag's output should be 1, and all others 0.
  return { indptr, indices: Int32Array.from(batch.flatMap((document) => document.tags)) }
}

/** The stand-in: a sum of random directions, one a word, of length 1. Texts that share words are close to each other. */
async function encode(texts) {
  const vectors = new Float32Array(texts.length * hiddenSize)
  texts.forEach((text, j) => {
    const vector = vectors.subarray(j * hiddenSize, (j + 1) * hiddenSize)
    for (const word of text.split(' ')) {
      const direction = new Random(
        [...word].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16777619), 0),
      )
      for (let k = 0; k < hiddenSize; k++) vector[k] += direction.uniform() - 0.5
    }
    const length = Math.hypot(...vector)
    for (let k = 0; k < hiddenSize; k++) vector[k] /= length
  })
  return vectors
}

/** A document of one to three tags: two of the three words that go with each, and some that say nothing. */
function write() {
  const own = [...new Set(Array.from({ length: 1 + random.below(3) }, () => random.rank(tags)))]
  const said = own.flatMap((tag) => {
    const missing = random.below(3)
    return [0, 1, 2].filter((i) => i !== missing).map((i) => `t${tag}-${i}`)
  })
  const noise = Array.from({ length: 3 }, () => `n${random.rank(1_000)}`)
  return { text: [...said, ...noise].join(' '), tags: own }
}
