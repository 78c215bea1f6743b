// Settings of formats and options of heads as a saved configuration may hold them: any JSON object. What is accepted is
// complete, and accepted as it is.

import { checkHeadOptions, HEAD_NAMES } from '../../../lib/cli/heads.js'
import { FORMATS } from '../../../lib/data/formats/index.js'
import { completeSettings } from '../../../lib/data/formats/settings.js'
import { WideheadError } from '../../../lib/errors.js'
import { accepted, must, mustEqual, type Target } from '../target.js'

const refuse = (name: string, fault: string) => new WideheadError('WIDEHEAD_FILE', `${name} ${fault}`)

export const settings: Target = {
  name: 'settings',
  dictionary: [
    '"context":3',
    '"decay":0.5',
    '"hide":0.2',
    '"recent":1',
    '"tables":4',
    '"window":3',
    '"hash":"dwta"',
    '"sampler":',
    ',',
  ].concat([
    '"__proto__":{}',
    '"toString":1',
    'null',
    'true',
    '[]',
    '"unigram"',
    '"samples":1',
    '"features":"log"',
    '"perExample":1',
  ]),
  seeds: ['{}', '{"context":3}', '{"hide":0.5}', '{"tables":8,"hash":"dwta"}', '{"features":"log","normalise":false}'],

  async check(input) {
    let given: unknown
    try {
      given = JSON.parse(input.toString('utf8'))
    } catch {
      return // no JSON: the reader of the configuration says so
    }
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return
    const values = given as Record<string, unknown>
    for (const format of Object.values(FORMATS)) {
      const complete = await accepted(input, () => completeSettings(format, values, refuse))
      if (!complete) continue
      must(
        format.settings.every(({ name }) => complete.value[name] !== undefined),
        'settings are complete',
      )
      mustEqual(completeSettings(format, complete.value, refuse), complete.value, 'settings')
    }
    for (const head of HEAD_NAMES) {
      const checked = await accepted(input, () => checkHeadOptions(head, values, refuse))
      if (checked) mustEqual(checkHeadOptions(head, checked.value, refuse), checked.value, `options of ${head}`)
    }
  },
}
