// Files that are damaged, forged, of another version or another head: errors of one line, and no memory asked for in vain.

import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { ExactHead, loadHead, readCheckpoint, SampledSoftmaxHead, squaredError, Trunk } from '../../lib/index.js'
import { temporaryFolder } from '../data/helpers.js'
import { Random } from '../judge/random.js'
import { course, minibatches, size } from './helpers.js'

const root = temporaryFolder()
const whole = join(root, 'whole')
const random = new Random(8)
const FILES = ['head.safetensors', 'head.rows.safetensors', 'trunk.safetensors']
let count = 0
let path = ''

/** A copy of the checkpoint to be damaged; returns its folder of folders. */
function copy(): string {
  const folder = join(root, `${count++}`)
  cpSync(whole, folder, { recursive: true })
  path = join(folder, readFileSync(join(folder, 'latest'), 'utf8').trim())
  return folder
}

async function load(folder: string): Promise<void> {
  const trunk = await Trunk.load(folder)
  const head = await loadHead(folder)
  for (const loaded of [trunk, head]) loaded.close()
}

const refused = (text: string | RegExp = '') => ({
  name: 'WideheadError',
  code: 'WIDEHEAD_FILE',
  message: typeof text === 'string' ? expect.stringContaining(text) : expect.stringMatching(text),
})

interface Header {
  __metadata__: Partial<Record<string, string>>
  [tensor: string]: object
}

/** Changes the header of a file and makes its checksum right again. */
function forge(file: string, change: (header: Header) => void): void {
  const bytes = readFileSync(join(path, file))
  const length = Number(bytes.readBigUInt64LE(0))
  const header: Header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  change(header)
  header.__metadata__.checksums = header.__metadata__.checksums?.replace(/.{8}$/, '00000000')
  const json = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(json.length))
  const forged = Buffer.concat([prefix, json])
  const at = forged.indexOf('00000000"', forged.indexOf('"checksums"'))
  if (at > 0) forged.write(crc32(forged).toString(16).padStart(8, '0'), at)
  writeFileSync(join(path, file), Buffer.concat([forged, bytes.subarray(8 + length)]))
}

beforeAll(async () => {
  const head = new ExactHead({ ...size, loss: squaredError(), init: { kind: 'normal', scale: 0.1 } })
  const trunk = new Trunk({ vocabularySize: 50, embeddingSize: size.hiddenSize })
  course(head, minibatches(60), 0.04)
  await head.save(whole, { trunk, facts: { mine: [1, 'ü'] } })
})

describe('a checkpoint', () => {
  it('tells what it holds', async () => {
    expect(await readCheckpoint(whole)).toMatchObject({ step: 60, kind: 'exact', facts: { mine: [1, 'ü'] } })
    await load(whole)
    await load(join(whole, 'step-60'))
  })

  it.each(FILES)('notices any bit of %s that has flipped', async (file) => {
    const bytes = readFileSync(join(whole, 'step-60', file))
    const folder = copy()
    for (let trial = 0; trial < 60; trial++) {
      // The header is small: half of the flips go there.
      const at = random.below(trial % 2 ? bytes.length : 1000)
      const flipped = Buffer.from(bytes)
      flipped[at] ^= 1 << random.below(8)
      writeFileSync(join(path, file), flipped)
      await expect(load(folder), `byte ${at}`).rejects.toMatchObject(refused())
    }
  })

  it.each(FILES)('notices when %s is shorter, longer, empty or missing', async (file) => {
    const bytes = readFileSync(join(whole, 'step-60', file))
    const folder = copy()
    for (const length of [0, 7, 8, 100, 4096, bytes.length - 1, random.below(bytes.length)]) {
      writeFileSync(join(path, file), bytes)
      truncateSync(join(path, file), length)
      await expect(load(folder), `${length} bytes`).rejects.toMatchObject(refused(file))
    }
    writeFileSync(join(path, file), Buffer.concat([bytes, Buffer.alloc(1)]))
    await expect(load(folder)).rejects.toMatchObject(refused('longer than its tensors'))
    rmSync(join(path, file))
    await expect(load(folder)).rejects.toMatchObject(refused('no such file'))
  })

  it.each<[string, string, (header: Header) => void, string | RegExp]>([
    [
      'another version',
      FILES[0],
      (h) => (h.__metadata__.formatVersion = '2'),
      'format version "2"; this version of widehead reads 1',
    ],
    ['no version', FILES[1], (h) => delete h.__metadata__.formatVersion, 'format version undefined'],
    ['another writer', FILES[0], (h) => delete h.__metadata__.format, 'no file of a checkpoint'],
    ['no checksums', FILES[0], (h) => delete h.__metadata__.checksums, 'checksums'],
    ['an unknown head', FILES[0], (h) => (h.__metadata__.kind = 'mlp'), 'unknown kind "mlp"'],
    ['files of two steps', FILES[1], (h) => (h.__metadata__.step = '61'), /is of step 61, .* of step 60/],
    ['a step that is none', FILES[0], (h) => (h.__metadata__.step = '-1'), 'step must be a whole number'],
    ['options that are none', FILES[0], (h) => (h.__metadata__.config = '[]'), /config|V|W/],
    [
      'a missing tensor',
      FILES[0],
      (h) => Object.assign(h, { u: h['U.high'], 'U.high': undefined }),
      '"U.high" is missing',
    ],
    [
      'another type',
      FILES[0],
      (h) => (h.omega = { ...h.omega, dtype: 'I64' }),
      '"omega" is another [12], expected F64 [12]',
    ],
    [
      'other defaults',
      FILES[0],
      (h) => (h.__metadata__.resolved = '{"a":1}'),
      'a version of widehead with other defaults',
    ],
    [
      'brackets without end',
      FILES[0],
      (h) => (h.__metadata__.resolved = `{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`),
      'resolved of its metadata is nested more than 64 levels deep',
    ],
  ])('is refused: %s', async (_, file, change, message) => {
    const folder = copy()
    forge(file, change)
    await expect(load(folder)).rejects.toMatchObject(refused(message))
  })

  it.each([
    ['classes', { numClasses: 2 ** 31 - 1 }],
    ['widths', { hiddenSize: 65536 }],
    ['classes that are none', { numClasses: 'many' }],
  ])('does not ask for memory because a header lies about %s', async (_, lie) => {
    const folder = copy()
    const before = process.memoryUsage.rss()
    forge(FILES[0], (header) => {
      header.__metadata__.config = JSON.stringify({ ...JSON.parse(header.__metadata__.config as string), ...lie })
    })
    await expect(load(folder)).rejects.toMatchObject(refused(/"V" is F32 \[500,12\], expected F32/))
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20)
  })

  it('is of another head', async () => {
    await expect(SampledSoftmaxHead.load(whole)).rejects.toMatchObject(
      refused('holds a head of the kind exact, expected sampled'),
    )
  })

  it('names the older one that is whole', async () => {
    const folder = copy()
    const head = await ExactHead.load(folder)
    course(head, minibatches(1), 0.01)
    await head.save(folder)
    truncateSync(join(folder, 'step-61', FILES[0]), 5000)
    await expect(loadHead(folder)).rejects.toMatchObject(refused(`also there: ${join(folder, 'step-60')}`))
    await load(join(folder, 'step-60'))
  })
})

describe('a folder of checkpoints', () => {
  it('has none', async () => {
    await expect(loadHead(join(root, 'nowhere'))).rejects.toMatchObject(refused('no checkpoint in'))
    mkdirSync(join(root, 'empty'))
    await expect(loadHead(join(root, 'empty'))).rejects.toMatchObject(refused('no checkpoint in'))
  })

  it('has a pointer that points outside', async () => {
    const folder = copy()
    writeFileSync(join(folder, 'latest'), '../whole/step-60\n')
    await expect(loadHead(folder)).rejects.toMatchObject(refused('is no name of a checkpoint'))
  })

  it('finds the newest without a pointer, as a crash between the two may leave it', async () => {
    const folder = copy()
    renameSync(join(folder, 'latest'), join(folder, 'elsewhere'))
    await load(folder)
  })

  it('keeps as many as it is told, and none of what others left unfinished', async () => {
    const folder = copy()
    const head = await ExactHead.load(folder)
    // Of a process that is no more; of another copy of the package in this one, which may be at it; of no one here.
    const [abandoned, other] = ['.step-1.99999999-abcd.tmp', `.step-1.${process.pid}-abcd.tmp`]
    for (const name of [abandoned, other, 'mine']) mkdirSync(join(folder, name))
    for (const batch of minibatches(3)) {
      course(head, [batch], 0.01)
      await head.save(folder, { keep: 2 })
    }
    expect(readdirSync(folder).sort()).toEqual([other, 'latest', 'mine', 'step-62', 'step-63'])
    await head.save(folder, { keep: 1 })
    expect(readdirSync(folder).sort()).toEqual([other, 'latest', 'mine', 'step-63-2'])
    await load(folder).catch((error) => expect(error.message).toContain('trunk.safetensors'))
  })

  it('keeps what a run that went back goes on from, and not what it left behind', async () => {
    const folder = join(root, 'back')
    const head = await ExactHead.load(whole)
    for (const batch of minibatches(4)) {
      course(head, [batch], 0.01)
      await head.save(folder, { keep: 4 })
    }
    const again = await ExactHead.load(join(folder, 'step-61'))
    course(again, minibatches(1), 0.01)
    await again.save(folder)
    expect(readdirSync(folder).sort()).toEqual(['latest', 'step-61', 'step-62-2'])
  })

  it('has nothing left of a process before that had the same number', async () => {
    const folder = copy()
    const former = join(folder, `.step-1.${process.pid}-abcd.tmp`)
    mkdirSync(former)
    const before = Date.now() / 1000 - process.uptime() - 1
    utimesSync(former, before, before)
    await (await ExactHead.load(folder)).save(folder)
    expect(readdirSync(folder)).not.toContain(basename(former))
  })

  it('ends with the last of many saves at once', async () => {
    const folder = join(root, 'many')
    const head = await ExactHead.load(whole)
    const saves = minibatches(5).map(({ hidden, targets }) => {
      head.stepAsync(hidden, targets, { learningRate: 0.01 })
      return head.save(folder)
    })
    expect((await Promise.all(saves)).map(({ step }) => step)).toEqual([61, 62, 63, 64, 65])
    expect((await readCheckpoint(folder)).step).toBe(65)
  })
})
