// A configuration as a model folder holds it.

import type { ModelConfig } from '../../lib/files/config.js'

export const CONFIG: ModelConfig = {
  formatVersion: 3,
  widehead: '0.1.0',
  data: { format: 'sets', settings: { hide: 0.5 }, sizes: { examples: 12 } },
  network: {
    numInputs: 3,
    slots: 1,
    combine: 'sqrt',
    embedding: 8,
    layers: [{ size: 4, activation: 'tanh' }],
    numClasses: 3,
    hiddenSize: 4,
    head: 'exact',
    headOptions: {},
    bias: false,
    loss: { name: 'z-loss', parameters: { alpha: 1, beta: 3 } },
  },
  training: { batch: 100 },
}
