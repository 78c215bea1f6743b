// config.json of a model folder: how the data was read and what the network looks like; checked whole when it is read.

import { readFile } from 'node:fs/promises'
import type { FormatName, Settings } from '../data/formats/format.js'
import { FORMAT_NAMES, FORMATS } from '../data/formats/index.js'
import { completeSettings } from '../data/formats/settings.js'
import { fileError } from '../data/source.js'
import { createLoss } from '../losses.js'
import { ACTIVATIONS, type Activation, COMBINES, type Combine } from '../trunk-options.js'
import { writeTextAtomically } from './atomic.js'
import { brief, parseJson } from './json.js'
import { badFile } from './safetensors.js'

export const FORMAT_VERSION = 3

/** What a network must be built from to take the saved weights. */
export interface NetworkConfig {
  numInputs: number
  slots: number
  combine: Combine
  embedding: number
  /** Dense layers between the embeddings and the head, the first one first. */
  layers: { size: number; activation: Activation }[]
  numClasses: number
  hiddenSize: number
  head: string
  /** Options of that head alone, those that were given; the others have its defaults. */
  headOptions: Settings
  bias: boolean
  /** null: the head's own. */
  loss: { name: string; parameters: Readonly<Record<string, number>> } | null
}

export interface ModelConfig {
  formatVersion: typeof FORMAT_VERSION
  /** Version of the package that wrote it. */
  widehead: string
  data: { format: FormatName; settings: Settings; sizes: Readonly<Record<string, number>> }
  network: NetworkConfig
  /** The options of the run, for the record. */
  training: Readonly<Record<string, unknown>>
  /** Of rows in a file, how a run knows it again that has no checkpoint yet. */
  rowFile?: { path: string; generation: string }
}

export function writeConfig(path: string, config: ModelConfig): Promise<void> {
  return writeTextAtomically(path, `${JSON.stringify(config, null, 2)}\n`)
}

export async function readConfig(path: string): Promise<ModelConfig> {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw fileError(`cannot read ${path}`, error)
  })
  return checkConfig(path, parseJson(path, 'is', text))
}

function checkConfig(path: string, parsed: unknown): ModelConfig {
  const config = new Fields(path, '', parsed)
  const version = config.integer('formatVersion', 1)
  if (version !== FORMAT_VERSION) {
    throw badFile(path, `format version ${version}; this version of widehead reads ${FORMAT_VERSION}`)
  }
  const data = config.fields('data')
  const format = data.choice('format', FORMAT_NAMES)
  const settings = completeSettings(FORMATS[format], data.fields('settings').values, (name, fault) =>
    badFile(path, `data.settings.${name} ${fault}`),
  )
  const sizes = data.fields('sizes')
  const rowFile = config.optional('rowFile')
  return {
    formatVersion: FORMAT_VERSION,
    widehead: config.text('widehead'),
    data: { format, settings, sizes: sizes.integers() },
    network: checkNetwork(config.fields('network'), path),
    training: config.fields('training').values,
    ...(rowFile && { rowFile: { path: rowFile.text('path'), generation: rowFile.text('generation') } }),
  }
}

function checkNetwork(network: Fields, path: string): NetworkConfig {
  const layers = network.list('layers').map((layer) => ({
    size: layer.integer('size', 1),
    activation: layer.choice('activation', ACTIVATIONS),
  }))
  const checked: NetworkConfig = {
    numInputs: network.integer('numInputs', 1),
    slots: network.integer('slots', 1),
    combine: network.choice('combine', COMBINES),
    embedding: network.integer('embedding', 1),
    layers,
    numClasses: network.integer('numClasses', 1),
    hiddenSize: network.integer('hiddenSize', 1),
    head: network.text('head'),
    headOptions: network.fields('headOptions').values as Settings, // the head knows which it has
    bias: network.flag('bias'),
    loss: network.has('loss') ? checkLoss(network.fields('loss'), path) : null,
  }
  const width = checked.layers.at(-1)?.size ?? checked.slots * checked.embedding
  if (width !== checked.hiddenSize)
    throw badFile(path, `network.hiddenSize is ${checked.hiddenSize}, its layers end in ${width}`)
  return checked
}

function checkLoss(loss: Fields, path: string): NonNullable<NetworkConfig['loss']> {
  const name = loss.text('name')
  const parameters = loss.fields('parameters').values as Record<string, number>
  try {
    createLoss(name, parameters)
  } catch (error) {
    throw badFile(path, `network.loss: ${(error as Error).message}`)
  }
  return { name, parameters }
}

/** Typed access to one object of a parsed JSON file. */
class Fields {
  readonly values: Readonly<Record<string, unknown>>

  constructor(
    private readonly path: string,
    private readonly name: string,
    value: unknown,
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.fault('', 'an object', value)
    this.values = value as Record<string, unknown>
  }

  private fault(key: string, expected: string, value: unknown) {
    const place = [this.name, key].filter(Boolean).join('.') || 'the file'
    return badFile(this.path, `${place} must be ${expected}, got ${brief(value)}`)
  }

  private own(key: string): unknown {
    return Object.hasOwn(this.values, key) ? this.values[key] : undefined
  }

  /** False for null alone: what is missing is refused where it is read. */
  has(key: string): boolean {
    return this.own(key) !== null
  }

  fields(key: string): Fields {
    return new Fields(this.path, [this.name, key].filter(Boolean).join('.'), this.own(key))
  }

  optional(key: string): Fields | undefined {
    return this.own(key) === undefined ? undefined : this.fields(key)
  }

  list(key: string): Fields[] {
    const value = this.own(key)
    if (!Array.isArray(value)) throw this.fault(key, 'a list', value)
    return value.map((item, i) => new Fields(this.path, `${this.name}.${key}[${i}]`, item))
  }

  integer(key: string, minimum: number): number {
    const value = this.own(key)
    if (!Number.isSafeInteger(value) || (value as number) < minimum) {
      throw this.fault(key, `a whole number of at least ${minimum}`, value)
    }
    return value as number
  }

  integers(): Record<string, number> {
    return Object.fromEntries(Object.keys(this.values).map((key) => [key, this.integer(key, 0)]))
  }

  text(key: string): string {
    const value = this.own(key)
    if (typeof value !== 'string') throw this.fault(key, 'a string', value)
    return value
  }

  flag(key: string): boolean {
    const value = this.own(key)
    if (typeof value !== 'boolean') throw this.fault(key, 'true or false', value)
    return value
  }

  choice<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.own(key)
    if (!choices.includes(value as T)) throw this.fault(key, `one of ${choices.join(', ')}`, value)
    return value as T
  }
}
