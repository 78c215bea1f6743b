// One trial: times steps of a dense softmax layer in TensorFlow.js and prints one JSON line. Arguments: a JSON object
// { style: minimize | by hand, numClasses, hiddenSize, examples, warmup, steps }. Exit code 3 where tfjs is not installed.

import { randomSource } from '../data.mjs'
import { summarise, timeSteps } from '../timing.mjs'

const trial = JSON.parse(process.argv[2])
const { style, numClasses, hiddenSize: d, examples: m } = trial
const tf = await import('@tensorflow/tfjs-core').catch(() => process.exit(3))
await import('@tensorflow/tfjs-layers').catch(() => process.exit(3)) // in Node it is this package that brings the gradients
await import('@tensorflow/tfjs-backend-wasm').catch(() => process.exit(3))
await tf.setBackend('wasm')

const random = randomSource(1)
const normals = (rows, scale) =>
  tf.tensor2d(
    Float32Array.from({ length: rows * d }, () => scale * random.normal()),
    [rows, d],
  )
const W = tf.variable(normals(numClasses, 0.05))
const learningRate = 0.1

function minibatch() {
  const targets = Int32Array.from({ length: m }, () => random.zipf(numClasses))
  return { hidden: normals(m, 1), targets: tf.tensor1d(targets, 'int32') }
}

// As users of tfjs write it. hidden is a variable too, so that its gradient is formed as for a network below.
const optimizer = tf.train.sgd(learningRate)
function minimize({ hidden, targets }) {
  const below = tf.variable(hidden)
  const loss = optimizer.minimize(
    () => {
      const logits = tf.matMul(below, W, false, true)
      return tf.losses.softmaxCrossEntropy(tf.oneHot(targets, numClasses), logits)
    },
    true,
    [W, below],
  )
  loss.dataSync()
  tf.dispose([below, loss])
}

// The least that tfjs can do for one step: the three products and a softmax, without a tape.
function byHand({ hidden, targets }) {
  tf.tidy(() => {
    const p = tf.softmax(tf.matMul(hidden, W, false, true))
    const gradient = tf.mul(tf.sub(p, tf.oneHot(targets, numClasses)), learningRate / m)
    tf.matMul(gradient, W).dataSync()
    W.assign(tf.sub(W, tf.matMul(gradient, hidden, true, false)))
  })
}

const act = { minimize, 'by hand': byHand }[style]
const times = timeSteps({ ...trial, threads: 1, collect: 10 }, minibatch, (made) => {
  act(made)
  tf.dispose(Object.values(made))
})
const version = tf.version_core
process.stdout.write(`${JSON.stringify({ ...trial, version, ...summarise(times) })}\n`)
