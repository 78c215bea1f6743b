// From a constructor's options to what the addon makes a head of.

import type { NativeHeadSpec, NativePolicy, NativeRowFile } from '../binding.js'
import { checkBoolean, checkInteger } from '../check.js'
import { checkShards, nativeDistributed, readDistributed } from '../distributed/options.js'
import { typeError } from '../errors.js'
import type { Loss } from '../losses.js'
import { readInit } from './options.js'
import type { CommonOptions } from './types.js'

/** What one kind of head adds to the options that all have. */
export interface OwnOptions {
  /** Its own loss, if it takes no other. */
  loss?: Loss
  policy?: (features: number) => NativePolicy
  /** Where its rows are, if not in memory; called last. */
  storage?: (numClasses: number, features: number) => NativeRowFile | undefined
  /** Called once the options that all heads have are checked. */
  options?: (numClasses: number) => object
  /** Several ranks can hold it together. */
  distributed?: boolean
}

export function readSpec(kind: string, options: CommonOptions, own: OwnOptions, loss: Loss): NativeHeadSpec {
  const numClasses = checkInteger('numClasses', options.numClasses, 1, 0x7fffffff)
  const hiddenSize = checkInteger('hiddenSize', options.hiddenSize, 1, 65536)
  const bias = checkBoolean('bias', options.bias ?? false)
  const communicator = readDistributed(options.distributed)
  if (communicator && !own.distributed) throw typeError(`distributed is not for heads of the kind ${kind} yet`)
  if (communicator) checkShards(numClasses, communicator)
  const spec = {
    kind,
    numClasses,
    hiddenSize,
    bias,
    seed: checkInteger('seed', options.seed ?? 0, 0, Number.MAX_SAFE_INTEGER),
    init: readInit(options.init ?? loss.defaultInit, numClasses, hiddenSize, bias),
    loss: loss.compute || own.loss ? null : loss.name,
    parameters: loss.parameters,
    policy: own.policy?.(hiddenSize + (bias ? 1 : 0)),
    options: own.options?.(numClasses),
    storage: own.storage?.(numClasses, hiddenSize + (bias ? 1 : 0)),
  }
  return { ...spec, ...nativeDistributed(communicator, spec) }
}
