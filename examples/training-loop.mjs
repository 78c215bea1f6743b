// An output layer inside a training loop of your own: the network below is plain JavaScript, written out by hand. It gives the
// head hidden vectors, and gets dHidden back, the gradient it goes on with.
//
//     node examples/training-loop.mjs [classes] [steps]
//
// The task: each class has a signature of 32 signs; from a noisy copy of one, tell the class.

import { ExactHead, taylorSoftmax } from 'widehead'
import { Random } from './random.mjs'

const [classes = 100_000, steps = 1_000] = process.argv.slice(2).map(Number)
const [inputSize, hiddenSize, batchSize] = [32, 128, 64]
const trunkRate = 2
const headRate = 40 // the exact head has a rate of its own, usually larger

const random = new Random(1)
const A = random.normals(inputSize * hiddenSize, 1 / Math.sqrt(inputSize)) // hidden = tanh(x A + b)
const b = new Float32Array(hiddenSize)
const head = new ExactHead({ numClasses: classes, hiddenSize, loss: taylorSoftmax() })

const heldOut = examples(500)
let recent = 0
for (let step = 1; step <= steps; step++) {
  const { x, targets } = examples(batchSize)
  const hidden = forward(x)
  // The head computes its loss, updates its own weights, and says how the loss depends on hidden.
  const { loss, dHidden } = head.step(hidden, targets, { learningRate: headRate })
  backward(x, hidden, dHidden)

  recent += loss / (steps / 10)
  if (step % (steps / 10) === 0) {
    console.log(`step ${step}: loss ${recent.toFixed(3)}`)
    recent = 0
  }
}

// Reading changes nothing: the best 10 classes of all, and the loss of examples that were held out. Ids go by frequency here, so
// that the 10 most frequent classes are 0 to 9.
const hidden = forward(heldOut.x)
const best = head.topK(hidden, 10)
const hits = heldOut.targets.filter((target, j) => best.classes.subarray(10 * j, 10 * j + 10).includes(target)).length
const frequent = heldOut.targets.filter((target) => target < 10).length
const percent = (count) => `${((100 * count) / heldOut.targets.length).toFixed(1)} %`
console.log(`held out: loss ${head.evaluate(hidden, heldOut.targets).loss.toFixed(3)}`)
console.log(`held out: the right class of ${classes} is among the first 10 in ${percent(hits)}`)
console.log(`held out: among the 10 most frequent in ${percent(frequent)}`)
head.close() // frees the weights at once; a garbage collection would do it too

/** Hidden vectors of m inputs: m * hiddenSize numbers, one example after the other, as every head takes them. */
function forward(x) {
  const m = x.length / inputSize
  const hidden = new Float32Array(m * hiddenSize)
  for (let j = 0; j < m; j++) {
    for (let k = 0; k < hiddenSize; k++) {
      let sum = b[k]
      for (let i = 0; i < inputSize; i++) sum += x[j * inputSize + i] * A[i * hiddenSize + k]
      hidden[j * hiddenSize + k] = Math.tanh(sum)
    }
  }
  return hidden
}

/** One step of gradient descent for A and b. dHidden is that of the minibatch's mean loss: nothing is left to divide by m. */
function backward(x, hidden, dHidden) {
  const dSum = dHidden.map((gradient, jk) => gradient * (1 - hidden[jk] * hidden[jk])) // tanh' = 1 - tanh^2
  for (let jk = 0; jk < dSum.length; jk++) {
    const [j, k] = [Math.floor(jk / hiddenSize), jk % hiddenSize]
    b[k] -= trunkRate * dSum[jk]
    for (let i = 0; i < inputSize; i++) A[i * hiddenSize + k] -= trunkRate * dSum[jk] * x[j * inputSize + i]
  }
}

/** m noisy signatures with their classes, frequent classes far more often than rare ones. */
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
  return { x, targets }
}
