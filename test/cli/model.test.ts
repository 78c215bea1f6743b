// A saved model that is asked and not trained: what is loaded of it, and that it is closed whatever happens.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { loadModel } from '../../lib/cli/model.js'
import { loadHead, Trunk } from '../../lib/index.js'
import { temporaryFolder } from '../data/helpers.js'
import { CORPORA, widehead } from './helpers.js'

const folder = temporaryFolder()
const path = (name: string) => join(folder, name)
const HEADS = ['softmax', 'sampled', 'exact', 'hierarchical', 'wta', 'lsh'] as const

beforeAll(async () => {
  writeFileSync(path('xmc'), CORPORA.xmc)
  writeFileSync(path('bad'), '2 3 4\n0 1:1\n9 1:1\n')
  for (const head of HEADS) {
    const options = ['--head', head, '--hidden', '8', '--epochs', '1', '--batch', '16', '--optimizer', 'adam']
    const own = head === 'exact' ? [] : ['--head-optimizer', 'adam']
    const { code } = await widehead(['train', '--train', path('xmc'), '--out', path(head), ...options, ...own])
    expect(code).toBe(0)
  }
})
afterEach(() => {
  vi.restoreAllMocks()
})

describe.each(HEADS)('loadModel of the head %s', (name) => {
  it('leaves out what the optimisers keep, and has the same weights', async () => {
    const checkpoints = join(path(name), 'checkpoints')
    const [{ network }, trunk, head] = await Promise.all([
      loadModel({ model: path(name) }),
      Trunk.load(checkpoints),
      loadHead(checkpoints),
    ])
    expect(trunk.stateShapes().length).toBeGreaterThan(0)
    expect(network.trunk.stateShapes()).toEqual([])
    expect(network.trunk.parameters()).toEqual(trunk.parameters())
    const weights = 4 * head.numClasses * head.hiddenSize
    const saved = head.diagnostics().bytes - network.head.diagnostics().bytes
    if (name === 'exact') expect(saved).toBe(0)
    else expect(saved).toBeGreaterThan(1.5 * weights)
    const hidden = Float32Array.from({ length: 3 * head.hiddenSize }, (_, i) => Math.sin(i))
    expect(network.head.topK(hidden, 5)).toEqual(head.topK(hidden, 5))
    for (const part of [network, trunk, head]) part.close()
  })
})

it('loadModel takes both parts of one checkpoint, though another is saved meanwhile', async () => {
  const load = Trunk.load
  vi.spyOn(Trunk, 'load').mockImplementation(async (...args) => {
    const trunk = await load.apply(Trunk, args)
    writeFileSync(join(path('sampled'), 'checkpoints', 'latest'), 'step-999\n')
    return trunk
  })
  const { network } = await loadModel({ model: path('sampled') })
  expect(network.head.diagnostics().steps).toBeLessThan(999)
  network.close()
})

describe('a model is closed', () => {
  const query = '0:1 1:1\n'

  it.each<[string, string[], string, number]>([
    ['predict that succeeds', ['predict'], query, 0],
    ['predict of a bad line', ['predict'], 'a:b\n', 3],
    ['evaluate that succeeds', ['evaluate', '--data', path('xmc')], '', 0],
    ['evaluate of bad data', ['evaluate', '--data', path('bad')], '', 3],
  ])('by %s', async (_, [command, ...more], stdin, expected) => {
    const close = vi.spyOn(Trunk.prototype, 'close')
    const { code } = await widehead([command, '--model', path('softmax'), ...more], stdin)
    expect(code).toBe(expected)
    expect(close).toHaveBeenCalledOnce()
  })
})
