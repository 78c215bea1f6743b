// One training run: runs the loop on a network, evaluates, logs and saves.

import { createHash } from 'node:crypto'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { TrainStream, testBatches } from '../data/stream.js'
import { WideheadError } from '../errors.js'
import { FORMAT_VERSION, type ModelConfig } from '../files/config.js'
import { createModelFolder, MODEL_FILES, saveSetup } from '../files/model.js'
import { version } from '../version.js'
import { Checkpoints, type Interval, type Position } from './checkpoints.js'
import { EVALUATION_BATCH, evaluate, type Scores } from './evaluation.js'
import type { Io } from './io.js'
import { MetricsLog, type OnMetrics } from './metrics-log.js'
import type { Network } from './network.js'
import { createProgress, duration, type Progress, scoreLine, short } from './progress.js'
import type { Ranks } from './ranks.js'
import { checkSameRun, recordResumption } from './resume.js'
import { leftBehind, newRowFileOf, rowFilesOf, stillThere } from './row-files.js'
import { resolveRun, type SettledOptions, type TrainingConfig } from './run.js'
import type { TrainingData } from './train.js'
import { type StepReport, trainingLoop } from './training-loop.js'
import { TrainingMeter } from './training-meter.js'
import { openNetwork, replacedBy } from './training-network.js'

/** Examples of `--valid` that are enough while training; `widehead evaluate` takes all. */
const EVALUATION_EXAMPLES = 20_000
const CHECKPOINT_EVERY: Interval = { milliseconds: 600_000 }

/** Who may stop a run. */
export interface Stopper {
  /** From here on there is something to save. */
  begin(): void
  /** True once the run is to save and end. */
  readonly stopping: boolean
}

/** How a run ended. */
export interface Outcome {
  step: number
  /** True if it was stopped before its last epoch had ended. */
  stopped: boolean
  /** Of the last evaluation, if there was one. */
  scores: Scores | undefined
}

export class TrainingRun {
  private readonly options: SettledOptions
  private readonly training: TrainingConfig
  private readonly config: ModelConfig
  private readonly stream: TrainStream
  private network!: Network // these three once they are opened
  private log!: MetricsLog
  private progress?: Progress
  private checkpoints!: Checkpoints
  private step: number
  private place: Pick<Position, 'epoch' | 'batches' | 'examples'>
  private scores: Scores | undefined
  /** The step that they are of. */
  private evaluated: number | undefined
  /** What several ranks have decided. */
  private decidedToStop = false
  private meter = new TrainingMeter(0)

  constructor(
    private readonly data: TrainingData,
    private readonly io: Pick<Io, 'stderr'>,
    private readonly stopper: Stopper,
    private readonly onMetrics?: OnMetrics,
    private readonly ranks?: Ranks,
  ) {
    const { format, settings, options, learned, task, train, resumption } = data
    this.options = options
    this.step = resumption?.step ?? 0
    this.place = resumption?.position ?? { epoch: 1, batches: 0, examples: 0 }
    const { network, training } = resolveRun(options, format, task)
    this.training = training
    this.config = {
      formatVersion: FORMAT_VERSION,
      widehead: version,
      data: { format: format.name, settings, sizes: learned.sizes },
      network,
      training: { ...training },
    }
    const { batch, shuffleBuffer: buffer, seed } = training
    this.stream = new TrainStream(task, train, { batch, buffer, seed })
  }

  /** What must be the same on all ranks. */
  get facts(): object {
    const { config, step, place, data } = this
    const { train: _, valid: __, out: ___, threads: ____, ...options } = this.options
    const counts = createHash('sha256').update(data.task.classCounts).digest('hex')
    return { config, step, place, options, counts, valid: data.valid.length }
  }

  async start(): Promise<Outcome> {
    const { options, ranks } = this
    if (options.threads) (await import('../index.js')).setThreads(options.threads)
    // One after the other: a folder is neither made nor emptied for a network that some rank cannot open.
    const open = (deed: () => Promise<void>) => ranks?.agree(deed) ?? deed()
    try {
      await open(() => this.openNetwork())
      await ranks?.makeFolder(options.out)
      await open(() => this.openFolder())
      await this.run()
    } finally {
      await this.checkpoints?.settle()
      this.network?.close()
      this.log?.close()
    }
    return { step: this.step, stopped: this.stopping, scores: this.scores }
  }

  /** Whether to save and end; several ranks must not answer this each for itself. */
  private get stopping(): boolean {
    return this.ranks ? this.decidedToStop : this.stopper.stopping
  }

  /** Of several ranks one writes what is no part of the network. */
  private get writesFiles(): boolean {
    return this.ranks?.isFirst ?? true
  }

  private async openNetwork(): Promise<void> {
    const { options, data, config, ranks } = this
    if (data.resumption) checkSameRun(data.resumption, config, options.out)
    this.network = await openNetwork(data, config.network, this.training, ranks?.communicator)
  }

  private async openFolder(): Promise<void> {
    const { options, data } = this
    const { resumption } = data
    if (!resumption && this.writesFiles) {
      const replaces = replacedBy(options)
      const old = replaces === 'nothing' ? [] : await rowFilesOf(options.out)
      await createModelFolder(options.out, replaces)
      const rowFile = options.storageFile === undefined ? undefined : newRowFileOf(options.storageFile)
      await saveSetup(options.out, { ...this.config, rowFile }, data.learned)
      for (const path of stillThere(old)) this.say(leftBehind(path))
    }
    if (resumption && this.writesFiles) await recordResumption(resumption, this.config, options.out)
    const { logged: bytes, seconds } = resumption?.position ?? { logged: 0, seconds: 0 }
    const log = this.writesFiles ? join(options.out, MODEL_FILES.metrics) : devNull
    const warn = (message: string) => (this.progress ? this.progress.note(message) : this.say(message))
    this.log = new MetricsLog(log, { bytes, seconds }, this.onMetrics, warn)
    const every = options.checkpointEvery ?? CHECKPOINT_EVERY
    this.checkpoints = new Checkpoints(options.out, { every, keep: options.keepCheckpoints }, this.step, warn)
  }

  private async run(): Promise<void> {
    const { task } = this.data
    if (this.ranks) this.say(await this.ranks.describe())
    this.describe()
    this.stopper.begin()
    const started = performance.now()
    this.meter = new TrainingMeter(this.data.resumption?.position.trainingSeconds ?? 0)
    const { batch, epochs, maxSteps = Infinity } = this.training
    const progress = createProgress(this.io, 'train', Math.min(task.trainExamples * epochs, batch * maxSteps))
    this.progress = progress
    try {
      const steps = Math.ceil(task.trainExamples / batch)
      const hooks = {
        onStep: (report: StepReport) => this.onStep(report),
        onEpoch: (epoch: number, last: boolean) => this.onEpoch(epoch, last),
      }
      const from = { ...this.place, step: this.step }
      await trainingLoop(
        this.network,
        this.training,
        steps,
        (epoch) => this.stream.epoch(epoch),
        hooks,
        from,
        this.ranks,
      )
    } catch (error) {
      await this.rescue(error)
      throw this.diverged(error)
    } finally {
      progress.end()
    }
    await this.checkpoints.finish(this.network, this.step, this.position())
    const seconds = (performance.now() - started) / 1000
    const peakMemory = process.resourceUsage().maxRSS * 1024
    const { trainingSeconds } = this.meter
    this.log.write('end', { step: this.step, trainingSeconds, stopped: this.stopping, peakMemory, ...this.scores })
    this.say(`saved in ${this.options.out} after ${duration(seconds)}`)
  }

  /** What was trained until something else failed is worth keeping; what diverged is not. */
  private async rescue(error: unknown): Promise<void> {
    if ((error as { code?: unknown }).code === 'WIDEHEAD_LOSS') return
    if (this.ranks || this.step === 0) return // the others are somewhere else; nothing was trained
    await this.checkpoints.finish(this.network, this.step, this.position()).catch(() => {})
  }

  private diverged(error: unknown): unknown {
    const { code, message: fault } = error as { code?: unknown; message?: string }
    if (code !== 'WIDEHEAD_LOSS') return error
    const hint = 'try a lower --head-learning-rate or --learning-rate, or --clip-norm'
    const message = `training diverged at step ${this.step + 1}, nothing is saved since step ${this.checkpoints.newest}: ${hint}`
    return new WideheadError(code, `${message} (${fault})`, { cause: error })
  }

  private describe(): void {
    const { network } = this.config
    const layers = network.layers.map(({ size, activation }) => `${activation} ${size}`)
    const shape = [`${network.slots} x ${network.embedding}`, ...layers, `${network.numClasses} classes`].join(' -> ')
    this.say(`${this.data.task.trainExamples} examples, ${shape}, ${this.network.head.loss.name}, ${network.head} head`)
    if (this.data.resumption) {
      this.say(`going on from step ${this.step}`)
      const { epochs, maxSteps } = this.training
      this.log.write('resume', { step: this.step, epochs, maxSteps })
    } else {
      this.log.write('start', { ...this.config })
    }
  }

  private say(text: string): void {
    this.io.stderr.write(`${text}\n`)
  }

  private async onStep(report: StepReport): Promise<boolean> {
    const { meter, options } = this
    this.step = report.step
    this.place = { epoch: report.epoch, batches: report.batches, examples: report.examples }
    meter.add(report.loss, report.size)
    const { loss, examplesPerSecond: speed } = meter
    const { examples, epoch, learningRate } = report
    this.progress?.update(
      examples,
      `epoch ${epoch}/${this.training.epochs} loss ${short(loss)} lr ${short(learningRate)} ${short(speed)} examples/s`,
    )
    if (report.step % options.logEvery === 0) this.logWindow(report, loss, speed)
    if (options.evalEvery && report.step % options.evalEvery === 0) await this.evaluate(epoch)
    if (await this.decide()) await this.save()
    return this.stopping
  }

  /** Whether it is time for a checkpoint; of several ranks also whether to stop. */
  private async decide(): Promise<boolean> {
    const { ranks, checkpoints, step } = this
    const due = checkpoints.isDue(step)
    if (!ranks) return due
    const { stop, save } = await ranks.decide(step, { stop: this.stopper.stopping, save: due })
    this.decidedToStop ||= stop
    return save || checkpoints.isDueByStep(step)
  }

  private logWindow(report: StepReport, loss: number, speed: number): void {
    const { size: _, batches: __, ...facts } = report
    const { condition, corrections } = this.network.head.diagnostics() // exact heads have them; 10 us at D = 800,000
    this.log.write('step', { ...facts, loss, examplesPerSecond: Math.round(speed), condition, corrections })
    this.meter.beginWindow()
  }

  private async onEpoch(epoch: number, last: boolean): Promise<boolean> {
    await this.save() // before held-out data, which may turn out to be bad
    if (!this.options.evalEvery || last) await this.evaluate(epoch)
    return this.stopping
  }

  /** Scores on --valid, or nothing if there is none. Owners of sets are judged by what they have in --train. */
  private async evaluate(epoch: number): Promise<void> {
    const { task, valid, train } = this.data
    if (!valid.length || this.evaluated === this.step) return
    const trainingSeconds = this.meter.trainingSeconds
    const started = performance.now()
    const limit = this.options.evalExamples ?? EVALUATION_EXAMPLES
    const batches = testBatches(task, valid, train, { batch: EVALUATION_BATCH, limit: limit || undefined })
    const network = this.ranks?.whole(this.network) ?? this.network
    const scores = await evaluate(network, task, batches, { onBatch: () => this.stopping, files: valid })
    this.meter.passOver(started)
    if (!scores) return
    this.scores = scores
    this.evaluated = this.step
    this.log.write('evaluation', { epoch, step: this.step, trainingSeconds, ...scores })
    this.progress?.note(`epoch ${epoch}, step ${this.step}: ${scoreLine(scores)}`)
  }

  private async save(): Promise<void> {
    const started = performance.now()
    await this.checkpoints.begin(this.network, this.step, this.position())
    this.meter.passOver(started)
  }

  private position(): Position {
    this.log.flush()
    const { seconds, bytes: logged } = this.log
    return {
      ...this.place,
      seconds,
      trainingSeconds: this.meter.trainingSeconds,
      logged,
      data: this.data.sizes,
      columns: this.options.columns,
    }
  }
}
