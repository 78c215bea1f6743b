// config.json of a model: what is accepted is the same after it was written and read again.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ModelConfig, readConfig, writeConfig } from '../../../lib/files/config.js'
import { CONFIG } from '../../files/config.js'
import { accepted, JSON_MARKS, mustEqual, type Target } from '../target.js'

const OTHER: ModelConfig = {
  ...CONFIG,
  data: { format: 'text', settings: { context: 2, lowercase: false }, sizes: {} },
  network: {
    ...CONFIG.network,
    slots: 2,
    embedding: 2,
    layers: [],
    head: 'lsh',
    headOptions: { tables: 8 },
    loss: null,
  },
}

export const config: Target = {
  name: 'config',
  dictionary: [...JSON_MARKS, 'null', 'true', '[]', '{}', '"__proto__":', '"xmc"', '"sequences"', '"relu"'].concat([
    '"squared-error"',
    '"weighted-squared-error"',
    '"negativeWeight":',
    '"toString"',
    '"sum"',
    '1e999',
    '-0',
    '""',
  ]),
  seeds: [JSON.stringify(CONFIG), JSON.stringify(OTHER)],

  async check(input, folder) {
    const path = join(folder, 'config.json')
    writeFileSync(path, input)
    const first = await accepted(input, () => readConfig(path))
    if (!first) return
    await writeConfig(path, first.value)
    mustEqual(await readConfig(path), first.value, 'configuration')
  },
}
