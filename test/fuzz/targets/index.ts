// The fuzz targets: a parser each.

import type { Target } from '../target.js'
import { checkpoint } from './checkpoint.js'
import { cli } from './cli.js'
import { config } from './config.js'
import { sequences, sets, text, xmc } from './formats.js'
import { lines } from './lines.js'
import { safetensors } from './safetensors.js'
import { settings } from './settings.js'
import { values } from './values.js'
import { vocabulary } from './vocabulary.js'
import { rows } from './xmc-rows.js'

export const TARGETS: readonly Target[] = [
  lines,
  rows,
  xmc,
  text,
  sets,
  sequences,
  safetensors,
  config,
  checkpoint,
  vocabulary,
  values,
  settings,
  cli,
]
