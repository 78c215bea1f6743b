// Puts the rows of each user together, however they lie in the file, in memory that a large file does not fill: pairs go to
// one of 64 buckets by a hash of the user, those that grow are kept on the disk, and one at a time is grouped.

import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { readBlocks } from '../lines.js'
import { fileError } from '../source.js'

const BUCKETS = 64
const HELD_CHARACTERS = 2 ** 18

export interface Group {
  user: string
  /** By time, where there are times; otherwise, and at equal times, in the order of the file. */
  items: string[]
}

export class Groups {
  private readonly buckets: Bucket[]

  /** `folder` is where buckets go that grow. */
  constructor(folder: string) {
    this.buckets = Array.from({ length: BUCKETS }, (_, i) => new Bucket(join(folder, `bucket-${i}`)))
  }

  /** Ids hold neither tabs nor line breaks. May have to wait for the disk. */
  add(user: string, item: string, time: number): Promise<void> | undefined {
    return this.buckets[hash(user) % BUCKETS].add(`${user}\t${item}\t${time}`)
  }

  /** Gives up what was collected. */
  destroy(): void {
    for (const bucket of this.buckets) bucket.destroy()
  }

  async *groups(): AsyncGenerator<Group> {
    for (const bucket of this.buckets) {
      const users = new Map<string, { items: string[]; times: number[] }>()
      for await (const line of bucket.lines()) {
        const [user, item, time] = line.split('\t')
        let group = users.get(user)
        if (!group) users.set(user, (group = { items: [], times: [] }))
        group.items.push(item)
        group.times.push(Number(time))
      }
      for (const [user, { items, times }] of users) yield { user, items: inOrder(items, times) }
    }
  }
}

function inOrder(items: string[], times: readonly number[]): string[] {
  if (times.every((time, i) => i === 0 || times[i - 1] <= time)) return items
  const order = items.map((_, i) => i).sort((a, b) => times[a] - times[b])
  return order.map((i) => items[i])
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}

/** Lines in memory, and from some size on in a file. */
class Bucket {
  private held: string[] = []
  private characters = 0
  private file: LineFile | undefined

  constructor(private readonly path: string) {}

  add(line: string): Promise<void> | undefined {
    this.held.push(line)
    this.characters += line.length
    if (this.characters < HELD_CHARACTERS) return undefined
    const { held } = this
    this.held = []
    this.characters = 0
    this.file ??= new LineFile(this.path)
    return this.file.write(held)
  }

  async *lines(): AsyncGenerator<string> {
    if (this.file) {
      await this.file.end()
      for await (const block of readBlocks({ path: this.path, label: this.path })) yield* block.lines
      await rm(this.path, { force: true })
    }
    yield* this.held
    this.held = []
  }

  destroy(): void {
    this.file?.destroy()
  }
}

/** A temporary file that is written line by line. */
export class LineFile {
  private readonly stream: WriteStream
  private readonly failure: Promise<void>

  constructor(private readonly path: string) {
    this.stream = createWriteStream(path)
    this.failure = finished(this.stream)
    this.failure.catch(() => {}) // seen when the next line is written, or at the end
  }

  async write(lines: readonly string[]): Promise<void> {
    if (this.stream.write(`${lines.join('\n')}\n`)) return
    await Promise.race([once(this.stream, 'drain'), this.failure]).catch((error) => this.fail(error))
  }

  async end(): Promise<void> {
    this.stream.end()
    await this.failure.catch((error) => this.fail(error))
  }

  /** Gives the file up, after a failure elsewhere. */
  destroy(): void {
    this.stream.destroy()
  }

  private fail(error: unknown): never {
    throw fileError(`cannot write ${this.path}`, error)
  }
}
