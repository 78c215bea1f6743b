// The page of a report as text. All that comes from runs is escaped, and a content security policy lets nothing run but the
// two scripts that are written here.

import { createHash } from 'node:crypto'
import type { Chart } from './charts.js'
import type { Row } from './tables.js'

/** Runs whose colours differ; after them the lines are dashed. */
const PALETTE = 8
const DASHES = 3

export interface Page {
  /** Of the runs, in order. */
  labels: readonly string[]
  charts: readonly Chart[]
  results: readonly Row[]
  configurations: { different: readonly Row[]; same: readonly Row[] }
  /** What each run's reader should know. */
  notes: readonly (readonly string[])[]
  /** The library, a plain script, and the module that uses it; style sheets. */
  library: string
  client: string
  styles: readonly string[]
  version: string
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as it may stand between tags and in quoted attributes. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character])
}

/** JSON as it may stand in a script element, which only `<` can end. */
function embeddedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}

export function page(content: Page): string {
  const { labels, charts, results, configurations, notes, styles, version } = content
  const [library, client] = [content.library, content.client].map((script) =>
    script.replaceAll('</script', '<\\/script'),
  )
  const title = labels.length === 1 ? labels[0] : `${labels.length} runs`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy([library, client])}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(`widehead: ${title}`)}</title>
<style>${styles.join('\n')}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p class="muted">widehead ${escapeHtml(version)}</p>
${notesList(labels, notes)}
<h2>Results</h2>
${table(labels, results)}
${chartsPart(labels, charts)}
${configurationsPart(labels, configurations)}
</main>
<script type="application/json" id="data">${embeddedJson({ runs: labels, charts })}</script>
<script>${library}</script>
<script type="module">${client}</script>
</body>
</html>
`
}

function policy(scripts: readonly string[]): string {
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`)
  return `default-src 'none'; script-src ${hashes.join(' ')}; style-src 'unsafe-inline'; img-src data:`
}

function notesList(labels: readonly string[], notes: Page['notes']): string {
  const items = notes.flatMap((list, i) => list.map((note) => `<li>${escapeHtml(`${labels[i]}: ${note}`)}</li>`))
  return items.length ? `<ul class="notes">${items.join('\n')}</ul>` : ''
}

function table(labels: readonly string[], rows: readonly Row[], differs = false): string {
  const heads = labels.map((label, i) => `<th scope="col">${swatch(i)} ${breakable(label)}</th>`)
  const lines = rows.map(({ name, cells, best }) => {
    const shown = cells.map((cell, i) => `<td${best?.has(i) ? ' class="best"' : ''}>${escapeHtml(cell ?? '–')}</td>`)
    return `<tr><th scope="row">${breakable(name)}</th>${shown.join('')}</tr>`
  })
  return `<div class="table"><table class="cells${differs ? ' differs' : ''}">
<thead><tr><th scope="col"></th>${heads.join('')}</tr></thead>
<tbody>${lines.join('\n')}</tbody>
</table></div>`
}

/** Narrow columns break names of settings and folders at their dots and slashes. */
function breakable(name: string): string {
  return escapeHtml(name).replace(/[./](?=\w{2})/g, '$&<wbr>')
}

function swatch(run: number): string {
  return `<span class="swatch run-${run % PALETTE} dash-${Math.floor(run / PALETTE) % DASHES}"></span>`
}

function chartsPart(labels: readonly string[], charts: readonly Chart[]): string {
  if (!charts.length) return '<h2>Charts</h2>\n<p class="muted">No run has logged a step or an evaluation yet.</p>'
  const figures = charts.map(
    ({ title }, i) =>
      `<section class="card"><h3>${escapeHtml(title)}</h3><figure id="chart-${i}" aria-label="${escapeHtml(title)}"></figure></section>`,
  )
  return `<section><h2>Charts</h2>
<noscript><p>The charts need JavaScript; the tables do not.</p></noscript>
<div class="controls">
<fieldset><legend>horizontal axis</legend>
<label><input type="radio" name="axis" value="step" checked autocomplete="off"> steps</label>
<label><input type="radio" name="axis" value="seconds" autocomplete="off"> seconds</label></fieldset>
${labels.length > 1 ? switches(labels) : ''}
</div>
<div class="charts">${figures.join('\n')}</div></section>`
}

function switches(labels: readonly string[]): string {
  const inputs = labels.map(
    (label, i) =>
      `<label><input type="checkbox" name="run" value="${i}" checked autocomplete="off">${swatch(i)} ${escapeHtml(label)}</label>`,
  )
  return `<fieldset><legend>runs</legend>${inputs.join('\n')}</fieldset>`
}

function configurationsPart(labels: readonly string[], { different, same }: Page['configurations']): string {
  const parts = ['<h2>Configurations</h2>']
  if (labels.length > 1) {
    parts.push(different.length ? table(labels, different, true) : '<p class="muted">All settings are the same.</p>')
  }
  if (same.length) {
    const summary = labels.length > 1 ? `${same.length} settings that are the same` : `${same.length} settings`
    // Of one run, or of runs that agree, one column says it.
    const rows = same.map(({ name, cells }) => ({ name, cells: cells.slice(0, 1) }))
    const open = labels.length === 1 ? ' open' : ''
    const head = labels.length > 1 ? [`all ${labels.length} runs`] : labels
    parts.push(`<details${open}><summary>${summary}</summary>${sameTable(head, rows)}</details>`)
  }
  return parts.join('\n')
}

function sameTable(head: readonly string[], rows: readonly Row[]): string {
  return table(head, rows).replace(/<span class="swatch[^>]*><\/span> /, '')
}
