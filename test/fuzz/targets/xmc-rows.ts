// One line of an XMC file; what is accepted is the same after it was written and parsed again.

import { parseXmcHeader, parseXmcRow } from '../../../lib/data/formats/xmc-lines.js'
import { accepted, must, mustEqual, type Target } from '../target.js'

const SIZES = { features: 1000, labels: 300 }

export const rows: Target = {
  name: 'xmc-rows',
  dictionary: [' ', ',', ':', '0:1', ' 999:1e-3', '299,0', '\t', '3 4 5', '1e999', '\u00a0'],
  seeds: ['1,2 3:4 5:0.5', ' 7:1', '0', '100 1000 300', ''],

  async check(input) {
    const line = input.toString('utf8')
    const header = await accepted(input, () => parseXmcHeader(line))
    if (header) {
      const { examples, features, labels } = header.value
      must(features >= 1 && labels >= 1 && features < 2 ** 31 && labels < 2 ** 31, 'sizes of the header')
      mustEqual(parseXmcHeader(`${examples} ${features} ${labels}`), header.value, 'header')
    }
    const row = await accepted(input, () => parseXmcRow(line, SIZES))
    if (!row) return
    const { labels, features, values } = row.value
    must(
      labels.every((label) => Number.isInteger(label) && label >= 0 && label < SIZES.labels),
      'labels',
    )
    must(new Set(labels).size === labels.length, `labels are different: ${labels}`)
    must(
      features.every((feature) => Number.isInteger(feature) && feature >= 0 && feature < 1000),
      'features',
    )
    must(values.length === features.length && values.every((value) => Number.isFinite(Math.fround(value))), 'values')
    const written = `${labels.join(',')} ${features.map((feature, i) => `${feature}:${values[i]}`).join(' ')}`
    mustEqual(parseXmcRow(written, SIZES), row.value, 'row')
  },
}
