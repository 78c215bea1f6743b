export type { LoadOptions } from './checkpoint/load-head.js'
export { type CheckpointInfo, readCheckpoint } from './checkpoint/read.js'
export type { Saved, SaveOptions } from './checkpoint/save.js'
export { Communicator, type CommunicatorOptions } from './distributed/communicator.js'
export { mpi } from './distributed/mpi.js'
export { type ErrorCode, WideheadError } from './errors.js'
export { type BulkIndexOptions, BulkSoftmaxHead, type BulkSoftmaxOptions } from './heads/bulk-softmax.js'
export { DenseHead } from './heads/dense.js'
export { type Drift, type ExactDiagnostics, ExactHead, type ExactHeadOptions } from './heads/exact.js'
export type { HashedHeadOptions } from './heads/hashing.js'
export { HierarchicalSoftmaxHead, type HierarchicalSoftmaxOptions } from './heads/hierarchical-softmax.js'
export { loadHead } from './heads/load.js'
export { LshSampledSoftmaxHead, type LshSampledSoftmaxOptions } from './heads/lsh-softmax.js'
export { SampledSoftmaxHead, type SampledSoftmaxOptions, type Sampler } from './heads/sampled-softmax.js'
export { SoftmaxHead } from './heads/softmax.js'
export type { StabilisationPolicy } from './heads/stabilisation.js'
export type { HeadStorage } from './heads/storage-options.js'
export type {
  ApplyOptions,
  CommonOptions,
  EvaluateOptions,
  Evaluation,
  ForwardResult,
  Head,
  HeadOptions,
  Init,
  RowHeadOptions,
  SparseTargets,
  StepResult,
  Targets,
  TopK,
  TopKOptions,
} from './heads/types.js'
export { WtaSoftmaxHead, type WtaSoftmaxOptions } from './heads/wta-softmax.js'
export {
  type CustomLossFunction,
  createLoss,
  customLoss,
  type Loss,
  type LossBatch,
  type LossName,
  sphericalSoftmax,
  squaredError,
  taylorSoftmax,
  weightedSquaredError,
  zLoss,
} from './losses.js'
export type { Optimizer } from './optimizer.js'
export { type Answer, createPredictor, type Prediction, Predictor, type PredictorOptions } from './predictor.js'
export { isa, setThreads, supportedIsas, threads } from './runtime.js'
export { type IndexDiagnostics, type IndexOptions, SearchIndex, type SearchOptions } from './search-index.js'
export { bindTfjs, type HeadLoss, type TensorFlow, type TensorLike, type TfjsBinding } from './tfjs.js'
export {
  type Data,
  type DataRecord,
  type MetricsLine,
  type TrainOptions,
  type TrainResult,
  train,
} from './train.js'
export {
  type Activation,
  type BagInput,
  type Combine,
  type Parameter,
  type ParameterShape,
  type ResolvedTrunkOptions,
  type StateArray,
  type StateShape,
  Trunk,
  type TrunkLayer,
  type TrunkOptimizer,
  type TrunkOptions,
} from './trunk.js'
export { version } from './version.js'
