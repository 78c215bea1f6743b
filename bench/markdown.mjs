// Tables as Markdown, which a terminal and a README both show.

/** rows: objects with the same keys, which are the heads of the columns. */
export function markdownTable(rows) {
  const heads = Object.keys(rows[0])
  const cells = [heads, ...rows.map((row) => heads.map((head) => `${row[head] ?? ''}`))]
  const widths = heads.map((_, i) => Math.max(...cells.map((line) => line[i].length), 3))
  const line = (list) => `| ${list.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  return [
    line(cells[0]),
    `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`,
    ...cells.slice(1).map(line),
  ].join('\n')
}

/** Three digits, thousands with commas. */
export function digits(x) {
  if (x === undefined || x === null || !Number.isFinite(x)) return ''
  if (Math.abs(x) >= 100) return Math.round(x).toLocaleString('en-US')
  return x.toPrecision(3)
}

export function percent(x) {
  return Number.isFinite(x) ? `${Math.round(100 * x)} %` : ''
}
