// vocabulary.txt of a model folder, whose other files are good: what is accepted is the same after it was saved again.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadSetup, MODEL_FILES, saveSetup } from '../../../lib/files/model.js'
import { tensor, writeSafetensors } from '../../../lib/files/safetensors-writer.js'
import { accepted, must, mustEqual, type Target } from '../target.js'
import { config } from './config.js'

export const vocabulary: Target = {
  name: 'vocabulary',
  dictionary: ['\n', '\r\n', 'a', '<unk>', '__proto__', '\ufeff', '\ufffd', '\u{1f600}'],
  seeds: ['a\nb\n__proto__\n', '<unk>\ngr\xc3\xb6\xc3\x9fe\n'],

  async check(input, folder) {
    const model = join(folder, 'model')
    mkdirSync(model, { recursive: true })
    writeFileSync(join(model, MODEL_FILES.config), config.seeds[0])
    writeFileSync(join(model, MODEL_FILES.vocabulary), input)
    const lines = input.toString('latin1').replace(/\n$/, '').split('\n').length
    const counts = tensor('vocabularyCounts', [lines], new Float64Array(lines).fill(2))
    await writeSafetensors(join(model, MODEL_FILES.statistics), [counts])
    const first = await accepted(input, () => loadSetup(model))
    if (!first) return
    const tokens = first.value.learned.vocabulary?.tokens ?? []
    must(new Set(tokens).size === lines, `${tokens.length} tokens of ${lines} lines`)
    // No format makes a token with white space, which could be taken for the end of a line.
    if (tokens.some((token) => /\s/.test(token) || !token)) return
    await saveSetup(model, first.value.config, first.value.learned)
    const second = await loadSetup(model)
    mustEqual(second.learned.vocabulary?.tokens, tokens, 'tokens')
    must(
      tokens.every((token, id) => second.learned.vocabulary?.id(token) === id),
      'ids',
    )
  },
}
