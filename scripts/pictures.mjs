// Draws the pictures of docs/: node scripts/pictures.mjs. They have a background of their own, so that they read on light and dark pages.

import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { accuracy } from './pictures/accuracy.mjs'
import { bulk } from './pictures/bulk.mjs'
import { factoring } from './pictures/factoring.mjs'
import { heads } from './pictures/heads.mjs'
import { log } from './pictures/log.mjs'
import { step } from './pictures/step.mjs'

const folder = fileURLToPath(new URL('../docs/pictures/', import.meta.url))
mkdirSync(folder, { recursive: true })
for (const [name, draw] of Object.entries({ factoring, step, log, heads, bulk, accuracy })) {
  writeFileSync(`${folder}${name}.svg`, draw())
  console.log(`docs/pictures/${name}.svg`)
}
