// What the JavaScript of a document may take for granted: names that its reader would have at hand. A block that declares
// one of them has its own.

import { ExactHead, squaredError, Trunk } from 'widehead'

const d = 16
Object.assign(globalThis, {
  head: new ExactHead({ numClasses: 2_000, hiddenSize: d, loss: squaredError(), init: { kind: 'normal', scale: 0.1 } }),
  trunk: new Trunk({ vocabularySize: 1_000, embeddingSize: d }),
  hidden: Float32Array.from({ length: d }, (_, i) => Math.sin(i + 1)),
  someHidden: Float32Array.from({ length: 300 * d }, (_, i) => Math.sin(i * i)),
  rowsFromTheDatabase: () => Array.from({ length: 200 }, (_, i) => [0, 1, 2, 3].map((j) => `item${(i + j) % 40}`)),
})
