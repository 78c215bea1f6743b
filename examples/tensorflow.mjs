// A TensorFlow.js model with an output layer of this package: tfjs computes the layers below and their gradients, the head its
// loss, the gradient for the hidden vectors, and its own update. tfjs alone would form all outputs in every step.
//
//     node examples/tensorflow.mjs [classes] [steps]
//
// With the package '@tensorflow/tfjs' one import brings core, layers and the cpu backend. Any backend with dataSync will do: wasm,
// cpu, webgl, or '@tensorflow/tfjs-node'. In Node, tfjs-core has no gradients of its own: tfjs-layers brings them.

import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import '@tensorflow/tfjs-backend-wasm'
import { bindTfjs, ExactHead, taylorSoftmax } from 'widehead'
import { Random } from './random.mjs'

const [classes = 100_000, steps = 1_000] = process.argv.slice(2).map(Number)
const [inputSize, hiddenSize, batchSize] = [32, 128, 64]

await tf.setBackend('wasm')
const random = new Random(1)
const model = layers.sequential({
  layers: [
    layers.layers.dense({ inputShape: [inputSize], units: hiddenSize, activation: 'relu' }),
    layers.layers.dense({ units: hiddenSize, activation: 'tanh' }),
  ],
})
const head = new ExactHead({ numClasses: classes, hiddenSize, loss: taylorSoftmax() })

// The head's own rate; the optimiser below is for the layers of tfjs. It may be changed from step to step.
const options = { learningRate: 40 }
const loss = bindTfjs(tf).headLoss(head, options)
const optimizer = tf.train.adam(0.01)

const heldOut = examples(500)
let recent = 0
for (let step = 1; step <= steps; step++) {
  const { x, targets } = examples(batchSize)
  // The head is updated in the backward pass that minimize() makes; the loss alone would change nothing.
  const value = optimizer.minimize(() => loss(model.apply(x), targets), true)
  recent += value.dataSync()[0] / (steps / 10)
  tf.dispose([x, value])
  options.learningRate = 40 * (1 - step / steps)

  if (step % (steps / 10) === 0) {
    console.log(`step ${step}: loss ${recent.toFixed(3)}, ${tf.memory().numTensors} tensors`)
    recent = 0
  }
}

const hidden = tf.tidy(() => model.predict(heldOut.x).dataSync())
const best = head.topK(hidden, 10)
const hits = heldOut.targets.filter((target, j) => best.classes.subarray(10 * j, 10 * j + 10).includes(target)).length
const frequent = heldOut.targets.filter((target) => target < 10).length // ids go by frequency here
const percent = (count) => `${((100 * count) / heldOut.targets.length).toFixed(1)} %`
console.log(`held out: loss ${head.evaluate(hidden, heldOut.targets).loss.toFixed(3)}`)
console.log(`held out: the right class of ${classes} is among the first 10 in ${percent(hits)}`)
console.log(`held out: among the 10 most frequent in ${percent(frequent)}`)

/**
 * Noisy copies of the signatures of classes, as in training-loop.mjs. Ids stay in an Int32Array (an int32 tensor would do too):
 * float32 tensors have no room for ids above 16,777,216, and headLoss refuses them.
 */
function examples(m) {
  const x = new Float32Array(m * inputSize)
  const targets = new Int32Array(m)
  for (let j = 0; j < m; j++) {
    targets[j] = random.rank(classes)
    const signature = new Random(targets[j] + 1_000)
    for (let i = 0; i < inputSize; i++) {
      x[j * inputSize + i] = (signature.uniform() < 0.5 ? -1 : 1) + 0.3 * random.normal()
    }
  }
  return { x: tf.tensor2d(x, [m, inputSize]), targets }
}
