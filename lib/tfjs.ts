// TensorFlow.js: a head as the output layer of a model whose layers below are tfjs's. Nothing of tfjs is imported: the caller
// passes it, so that there is one tfjs in the program, of the caller's version and backend.

import { checkObject } from './check.js'
import { rangeError, typeError, WideheadError } from './errors.js'
import { readRates } from './heads/options.js'
import type { ApplyOptions, ForwardResult, Head, Targets } from './heads/types.js'

/**
 * What is read of a tensor.
 *
 * @category TensorFlow.js
 */
export interface TensorLike {
  /** 'float32', 'int32' and so on. */
  readonly dtype: string
  /** Lengths of its dimensions. */
  readonly shape: readonly number[]
  /** Its numbers, row-major. */
  dataSync(): unknown
}

/**
 * What is used of TensorFlow.js: `import * as tf` from '@tensorflow/tfjs', '@tensorflow/tfjs-node' or '@tensorflow/tfjs-core'.
 * In Node, tfjs-core has no gradients by itself: import '@tensorflow/tfjs-layers' beside it, which registers them.
 *
 * @category TensorFlow.js
 */
export interface TensorFlow {
  /** As of tfjs. */
  scalar(value: number): TensorLike
  /** As of tfjs. */
  tensor2d(values: Float32Array, shape: [number, number]): TensorLike
  /** As of tfjs. */
  customGrad(f: never): (hidden: never) => TensorLike
}

/**
 * The mean loss of a minibatch, as a scalar that tfjs can differentiate for `hidden`, once.
 *
 * `hidden` is a float32 tensor [m, hiddenSize]. `targets` are what heads take (`Targets`), or an int32 tensor [m]. Ids in a
 * float32 tensor are refused, because float32 has no room for whole numbers above 2^24.
 *
 * @category TensorFlow.js
 */
export type HeadLoss<Tf extends TensorFlow = TensorFlow> = (
  hidden: TensorLike,
  targets: Targets | TensorLike,
) => ReturnType<Tf['scalar']>

/**
 * What {@link bindTfjs} makes.
 *
 * @category TensorFlow.js
 */
export interface TfjsBinding<Tf extends TensorFlow = TensorFlow> {
  /**
   * A head as a loss function, for `optimizer.minimize`, `tf.variableGrads` and the like, on backends that have `dataSync` (not
   * webgpu).
   *
   * The backward pass updates the head, with `options` as they are at that moment: change `options.learningRate` from step to step
   * if you like. Without a backward pass nothing changes; for held-out data `head.evaluate` is faster. The update and the
   * gradient for `hidden` are both of the weights before it.
   *
   * If the loss counts w times in what is minimised (dy = w), all gradients are w times as large. For the head's weights W and
   * the gradient G of the loss that is W <- (1 - learningRate * weightDecay) W - learningRate * w * G, with clipNorm a limit for
   * the norm of w * G: as tfjs's SGD would do. With adagrad or adam in the head, w scales its steps. A w of 0 changes
   * nothing, weight decay included; one below 0 or not finite throws a RangeError.
   *
   * One loss of a head per backward pass: a second one was computed with weights that the first has changed, and throws
   * WIDEHEAD_STALE (join the minibatches with `tf.concat`). Second derivatives are not to be had.
   *
   * @param head any head of this package; its hiddenSize is the width of the model's last layer
   * @param options rates of the head's update; the model's own optimiser knows nothing of the head
   * @throws a TypeError or RangeError for wrong options; the loss itself throws as {@link Head.forward}, its backward pass as
   * {@link ForwardResult.apply}
   */
  headLoss(head: Head, options: ApplyOptions): HeadLoss<Tf>
}

/**
 * Binds heads to the caller's TensorFlow.js, so that a head is the output layer of a model.
 *
 * @param tf what `import * as tf` gives
 * @throws a TypeError if it is not TensorFlow.js
 * @category TensorFlow.js
 */
export function bindTfjs<Tf extends TensorFlow>(tf: Tf): TfjsBinding<Tf> {
  checkObject('tf', tf)
  for (const name of ['scalar', 'tensor2d', 'customGrad'] as const) {
    if (typeof tf[name] !== 'function') throw typeError(`tf must be TensorFlow.js, got an object without ${name}()`)
  }
  return {
    headLoss(head, options) {
      checkHead(head)
      readRates(options) // wrong ones fail here, and not in the first backward pass
      return (hidden, targets) => {
        const shape = checkShape(hidden, head.hiddenSize)
        const compute = () => {
          const pass = head.forward(floats(hidden), readTargets(targets, shape[0]))
          const gradFunc = (dy: TensorLike) => tf.tensor2d(goBackward(pass, floats(dy)[0], options), shape)
          return { value: tf.scalar(pass.loss), gradFunc }
        }
        return tf.customGrad(compute as never)(hidden as never) as ReturnType<Tf['scalar']>
      }
    },
  }
}

/** Updates the head; returns the gradient for hidden. Both are those of `weight` times the loss. */
function goBackward({ dHidden, apply }: ForwardResult, weight: number, options: ApplyOptions): Float32Array {
  if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
    throw rangeError(`the weight of a head's loss in the total must be at least 0 and finite, got ${weight}`)
  }
  const rates = weighted(options, weight)
  try {
    apply(rates)
  } catch (error) {
    if ((error as WideheadError).code !== 'WIDEHEAD_STALE') throw error
    const message =
      'the head has changed since this loss was computed: differentiate one loss of a head at a time, once'
    throw new WideheadError('WIDEHEAD_STALE', message, { cause: error })
  }
  if (weight !== 1) for (let i = 0; i < dHidden.length; i++) dHidden[i] *= weight
  return dHidden
}

/** Options with which a step on the loss is a step on `weight` times the loss. */
function weighted(options: ApplyOptions, weight: number): ApplyOptions {
  const { learningRate, weightDecay, clipNorm } = readRates(options)
  if (weight === 0) return { learningRate: 0 }
  return { learningRate: learningRate * weight, weightDecay: weightDecay / weight, clipNorm: clipNorm / weight }
}

function checkHead(head: Head): void {
  checkObject('head', head)
  if (typeof head.forward !== 'function') throw typeError('head must be a head of this package, got another object')
}

function isTensor(value: unknown): value is TensorLike {
  return typeof (value as TensorLike | null)?.dataSync === 'function'
}

function checkShape(hidden: TensorLike, hiddenSize: number): [number, number] {
  if (!isTensor(hidden)) throw typeError(`hidden must be a tensor, got ${typeof hidden}`)
  if (hidden.dtype !== 'float32') throw typeError(`hidden must be a float32 tensor, got ${hidden.dtype}`)
  const [m, d] = hidden.shape
  if (hidden.shape.length !== 2 || d !== hiddenSize) {
    throw rangeError(`hidden must have shape [m, hiddenSize = ${hiddenSize}], got [${hidden.shape.join(', ')}]`)
  }
  return [m, d]
}

// The cpu backend keeps the array of a tensor that was cast: a float32 tensor may lie in an Int32Array, an int32 one in bytes.

function floats(tensor: TensorLike): Float32Array {
  const data = tensor.dataSync()
  return data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>)
}

function readTargets(targets: Targets | TensorLike, m: number): Targets {
  if (!isTensor(targets)) return targets
  if (targets.dtype !== 'int32') {
    throw typeError(
      `targets must be an int32 tensor, an Int32Array or sparse rows, got a ${targets.dtype} tensor (float32 has no room for ` +
        "ids above 16,777,216): make it with tf.tensor1d(ids, 'int32')",
    )
  }
  if (targets.shape.length !== 1 || targets.shape[0] !== m) {
    throw rangeError(`targets must have shape [m = ${m}], got [${targets.shape.join(', ')}]`)
  }
  const data = targets.dataSync()
  return data instanceof Int32Array ? data : Int32Array.from(data as ArrayLike<number>)
}
