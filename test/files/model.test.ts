import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { Vocabulary } from '../../lib/data/vocabulary.js'
import { createModelFolder, loadSetup, saveSetup } from '../../lib/files/model.js'
import { temporaryFolder } from '../data/helpers.js'
import { CONFIG as config } from './config.js'

const root = temporaryFolder()
let folder = ''
let count = 0
beforeEach(() => {
  folder = join(root, `model-${count++}`)
})

const learned = {
  sizes: config.data.sizes,
  vocabulary: new Vocabulary(['größe', '__proto__', 'c'], Float64Array.of(5, 4, 1)),
  statistics: { others: Float64Array.of(1, 2) },
}

async function saved(): Promise<void> {
  await createModelFolder(folder, 'nothing')
  await saveSetup(folder, config, learned)
}

describe('a model folder', () => {
  it('gives back configuration, vocabulary and statistics', async () => {
    await saved()
    const loaded = await loadSetup(folder)
    expect(loaded.config).toEqual(config)
    expect(loaded.learned.vocabulary?.tokens).toEqual(learned.vocabulary.tokens)
    expect(loaded.learned.vocabulary?.counts).toEqual(learned.vocabulary.counts)
    expect(loaded.learned.statistics).toEqual(learned.statistics)
    expect(readFileSync(join(folder, 'vocabulary.txt'), 'utf8')).toBe('größe\n__proto__\nc\n')
  })

  it('gives back an id that begins with a byte order mark', async () => {
    const vocabulary = new Vocabulary(['\ufeffa', '\ufeff', 'b\ufeff'], Float64Array.of(3, 2, 1))
    await createModelFolder(folder, 'nothing')
    await saveSetup(folder, config, { ...learned, vocabulary })
    expect((await loadSetup(folder)).learned.vocabulary?.tokens).toEqual(vocabulary.tokens)
  })

  it('is not replaced by accident, and then without a trace of the old model', async () => {
    await saved()
    writeFileSync(join(folder, 'mine.txt'), 'kept')
    await expect(createModelFolder(folder, 'nothing')).rejects.toMatchObject({ code: 'WIDEHEAD_USAGE' })
    await createModelFolder(folder, 'anything')
    expect(readdirSync(folder)).toEqual(['mine.txt'])
  })

  it('is not made over what is no model', async () => {
    for (const name of ['checkpoints', 'vocabulary.txt']) {
      const own = join(root, `own-${name}`)
      mkdirSync(join(own, name), { recursive: true })
      writeFileSync(join(own, name, 'mine.bin'), 'kept')
      for (const replaces of ['nothing', 'unfinished'] as const) {
        await expect(createModelFolder(own, replaces)).rejects.toMatchObject({
          code: 'WIDEHEAD_USAGE',
          message: expect.stringContaining(join(own, name)),
        })
      }
      expect(readdirSync(join(own, name))).toEqual(['mine.bin'])
    }
  })

  it('takes the place of a run without a checkpoint, whose configuration stays until there is another', async () => {
    await saved()
    await createModelFolder(folder, 'unfinished')
    expect(readdirSync(folder)).toEqual(['config.json'])
    await saveSetup(folder, config, learned)
    mkdirSync(join(folder, 'checkpoints', 'step-7'), { recursive: true })
    await expect(createModelFolder(folder, 'unfinished')).rejects.toMatchObject({ code: 'WIDEHEAD_USAGE' })
    expect(readdirSync(join(folder, 'checkpoints'))).toEqual(['step-7'])
  })

  it('is not made over a configuration of something else', async () => {
    mkdirSync(folder)
    writeFileSync(join(folder, 'config.json'), '{"model_type": "other"}')
    await expect(createModelFolder(folder, 'unfinished')).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    expect(readdirSync(folder)).toEqual(['config.json'])
  })

  it.skipIf(process.getuid?.() === 0)('is an error of files where it cannot be replaced', async () => {
    await saved()
    chmodSync(folder, 0o500)
    await expect(createModelFolder(folder, 'anything')).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
      message: `cannot replace ${join(folder, 'config.json')}: permission denied`,
    })
    chmodSync(folder, 0o700)
  })

  it('cannot be made where a file is', async () => {
    writeFileSync(folder, '')
    await expect(createModelFolder(folder, 'nothing')).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
  })

  it('is missing', async () => {
    await expect(loadSetup(folder)).rejects.toThrow(
      `cannot read ${join(folder, 'config.json')}: no such file or folder`,
    )
  })

  it('notices a vocabulary that was changed', async () => {
    await saved()
    const path = join(folder, 'vocabulary.txt')
    writeFileSync(path, 'a\nb\n')
    await expect(loadSetup(folder)).rejects.toThrow(`${path}: 2 tokens, expected 3`)
    writeFileSync(path, 'a\nb\na\n')
    await expect(loadSetup(folder)).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
      message: `${path}: vocabulary holds "a" twice`,
    })
  })
})

describe('config.json', () => {
  /** The configuration with one value changed, by its path. */
  async function changed(path: string, value: unknown): Promise<void> {
    const copy = structuredClone(config) as unknown as Record<string, unknown>
    const keys = path.split('.')
    let parent = copy
    for (const key of keys.slice(0, -1)) parent = parent[key] as Record<string, unknown>
    parent[keys.at(-1) as string] = value
    await saved()
    writeFileSync(join(folder, 'config.json'), JSON.stringify(copy))
    await loadSetup(folder)
  }

  it.each([
    ['formatVersion', 1, 'format version 1; this version of widehead reads 3'],
    ['formatVersion', undefined, 'formatVersion must be a whole number'],
    ['data', [], 'data must be an object, got []'],
    ['data.format', 'csv', 'data.format must be one of text, xmc, sets, sequences, got "csv"'],
    ['data.settings.hide', 2, 'data.settings.hide must be at most 0.99, got 2'],
    ['data.settings.context', 2, 'data.settings.context is no setting of the format sets'],
    ['data.sizes.examples', -1, 'data.sizes.examples must be a whole number of at least 0'],
    ['network.numClasses', 0, 'network.numClasses must be a whole number of at least 1, got 0'],
    ['network.numClasses', '3', 'network.numClasses must be a whole number'],
    ['network.combine', 'max', 'network.combine must be one of'],
    ['network.layers', {}, 'network.layers must be a list'],
    ['network.layers.0.activation', 'gelu', 'network.layers[0].activation must be one of'],
    ['network.hiddenSize', 5, 'network.hiddenSize is 5, its layers end in 4'],
    ['network.headOptions', [], 'network.headOptions must be an object, got []'],
    ['network.loss', undefined, 'network.loss must be an object'],
    ['network.bias', 1, 'network.bias must be true or false'],
    ['network.loss.name', 'hinge', 'network.loss: loss must be one of'],
    ['network.loss.parameters.alpha', -1, 'network.loss: alpha'],
  ])('refuses %s = %j', async (path, value, message) => {
    const loading = changed(path, value)
    await expect(loading).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    await expect(loading).rejects.toThrow(message)
  })

  it('refuses what is no JSON', async () => {
    mkdirSync(folder)
    writeFileSync(join(folder, 'config.json'), '{"formatVersion": 1')
    await expect(loadSetup(folder)).rejects.toThrow('config.json: is no JSON')
  })

  it('refuses what would overflow the stack', async () => {
    mkdirSync(folder)
    writeFileSync(join(folder, 'config.json'), `{"formatVersion": 1, "data": ${'['.repeat(1e5)}${']'.repeat(1e5)}}`)
    await expect(loadSetup(folder)).rejects.toThrow('config.json: is nested more than 64 levels deep')
  })

  it('refuses a vocabulary of very many lines', async () => {
    await saved()
    writeFileSync(join(folder, 'vocabulary.txt'), '\n'.repeat(300_000))
    await expect(loadSetup(folder)).rejects.toThrow('300000 tokens, expected 3')
  })
})
