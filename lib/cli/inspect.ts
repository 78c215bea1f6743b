// `widehead inspect`: what a checkpoint holds, as a table or as JSON.

import { join } from 'node:path'
import type { CheckpointFacts, Range } from '../checkpoint/inspect.js'
import { exists } from '../files/exists.js'
import { MODEL_FILES } from '../files/model.js'
import { type Io, write } from './io.js'

export interface InspectOptions {
  drift?: boolean
  json?: boolean
}

export async function inspectModel(folder: string, options: InspectOptions, io: Io): Promise<number> {
  const { inspectCheckpoint } = await import('../checkpoint/inspect.js')
  const checkpoints = join(folder, MODEL_FILES.checkpoints)
  const facts = await inspectCheckpoint((await exists(checkpoints)) ? checkpoints : folder, options)
  await write(io.stdout, options.json ? `${JSON.stringify(facts)}\n` : describe(facts))
  return 0
}

function describe(facts: CheckpointFacts): string {
  const lines = [`${facts.path}: ${facts.kind} head at step ${facts.step}`, `options  ${JSON.stringify(facts.options)}`]
  for (const { name, bytes, tensors } of facts.files) {
    lines.push('', `${name}  ${size(bytes)}`)
    for (const tensor of tensors) {
      lines.push(`  ${tensor.name.padEnd(24)} ${tensor.dtype} [${tensor.shape.join(', ')}]  ${size(tensor.bytes)}`)
    }
  }
  lines.push('', `norms of rows of W       ${range(facts.rowNorms)}`)
  const { spectrum, drift } = facts
  if (spectrum) {
    lines.push(`singular values of U     ${range(spectrum)}, condition ${spectrum.condition.toPrecision(4)}`)
  }
  if (drift) {
    const errors = Object.entries(drift).map(([name, value]) => `${name} ${value.toExponential(2)}`)
    lines.push(`drift (relative errors)  ${errors.join(', ')}`)
  }
  for (const [name, value] of Object.entries(facts.diagnostics)) lines.push(`${name.padEnd(24)} ${value}`)
  return `${lines.join('\n')}\n`
}

function range({ smallest, median, largest }: Range): string {
  const values = [smallest, median, largest].map((value) => value.toPrecision(4))
  return `smallest, median, largest ${values.join(', ')}`
}

function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes === 0 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1)
  return `${Number((bytes / 1024 ** power).toPrecision(4))} ${units[power]}`
}
