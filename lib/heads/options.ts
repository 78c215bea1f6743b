// Options of heads and steps: checked, with their defaults filled in.

import { EXACTLY, SCORE } from '../binding.js'
import { checkArray, checkBoolean, checkInteger, checkNumber, checkObject, LARGEST_RATE } from '../check.js'
import { rangeError, typeError } from '../errors.js'
import { LOSSES, type Loss } from '../losses.js'
import type { ApplyOptions, EvaluateOptions, Init, TopKOptions } from './types.js'

export type Rates = Required<ApplyOptions>

export function readRates(options: ApplyOptions): Rates {
  checkObject('options', options)
  const learningRate = checkNumber('learningRate', options.learningRate, 0, LARGEST_RATE)
  const weightDecay = checkNumber('weightDecay', options.weightDecay ?? 0, 0)
  if (learningRate * weightDecay >= 1) {
    throw rangeError(`learningRate * weightDecay must be below 1, got ${learningRate * weightDecay}`)
  }
  const { clipNorm = Number.POSITIVE_INFINITY } = options
  if (clipNorm !== Number.POSITIVE_INFINITY) checkNumber('clipNorm', clipNorm, 0)
  return { learningRate, weightDecay, clipNorm }
}

const SEARCHED = 1024

/** The number of classes that a search of the head's own looks at; 0 for the exact one. */
export function readSearch(options: TopKOptions, k: number, numClasses: number): number {
  checkObject('options', options)
  const exact = checkBoolean('exact', options.exact ?? true)
  const { candidates } = options
  if (exact) {
    if (candidates !== undefined) throw rangeError(`candidates needs exact: false, got candidates: ${candidates}`)
    return 0
  }
  return checkInteger('candidates', candidates ?? Math.min(numClasses, Math.max(k, SEARCHED)), k, numClasses)
}

/** The stages of an evaluation. */
export function readEvaluation(options: EvaluateOptions): number {
  checkObject('options', options)
  return checkBoolean('exact', options.exact ?? false) ? SCORE | EXACTLY : SCORE
}

export function readInit(init: Init, numClasses: number, hiddenSize: number, bias: boolean): Init {
  checkObject('init', init)
  switch (init.kind) {
    case 'zeros':
      return { kind: 'zeros' }
    case 'normal':
    case 'uniform':
      return { kind: init.kind, scale: checkNumber('init.scale', init.scale, 0, 1e6) }
    case 'weights': {
      const { weights, biases } = init // read once: what was checked is what is used
      checkArray('init.weights', weights, Float32Array)
      if (weights.length !== numClasses * hiddenSize) {
        throw rangeError(
          `init.weights must have length numClasses * hiddenSize = ${numClasses * hiddenSize}, got ${weights.length}`,
        )
      }
      if (biases === undefined) return { kind: 'weights', weights }
      if (!bias) throw rangeError('init.biases needs bias: true, got bias: false')
      checkArray('init.biases', biases, Float32Array)
      if (biases.length !== numClasses) {
        throw rangeError(`init.biases must have length numClasses = ${numClasses}, got ${biases.length}`)
      }
      return { kind: 'weights', weights, biases }
    }
    default:
      throw rangeError(
        `init.kind must be zeros, normal, uniform or weights, got ${JSON.stringify((init as { kind: unknown }).kind)}`,
      )
  }
}

/** The loss of a head: its own if it takes no other. */
export function readLoss(loss: Loss | undefined, own?: Loss): Loss {
  if (own) {
    if (loss !== undefined) throw typeError(`loss is fixed by this head, which has its own (${own.name}): leave it out`)
    return own
  }
  checkLoss(loss)
  return loss
}

function checkLoss(loss: Loss | undefined): asserts loss is Loss {
  checkObject('loss', loss)
  if (loss.compute === undefined && !Object.hasOwn(LOSSES, loss.name)) {
    throw typeError('loss must come from squaredError(), zLoss(), customLoss() or another function of this package')
  }
}
