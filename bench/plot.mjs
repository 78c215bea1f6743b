// A plot of curves as SVG: the x axis is logarithmic, the y axis logarithmic or linear.

const WIDTH = 640
const HEIGHT = 400
const MARGIN = { left: 70, right: 130, top: 40, bottom: 50 }
const COLOURS = ['#0b6e99', '#c2410c', '#4d7c0f', '#7e22ce', '#b91c5c', '#57534e', '#a16207']

const superscript = (n) => `${n}`.replace(/[-\d]/g, (c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[c]))
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function logAxis(values, from, to) {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  const place = (x) => from + ((Math.log10(x) - low) / (high - low)) * (to - from)
  const exponents = Array.from({ length: high - low + 1 }, (_, i) => low + i)
  return { place, ticks: exponents.map((n) => ({ value: 10 ** n, label: `10${superscript(n)}` })) }
}

/** From 0, with some five ticks at round numbers. */
function linearAxis(values, from, to) {
  const high = Math.max(...values)
  const size = 10 ** Math.floor(Math.log10(high / 5))
  const step = [1, 2, 5, 10].map((n) => n * size).find((n) => high / n <= 6)
  const count = Math.ceil(high / step)
  const place = (y) => from + (y / (count * step)) * (to - from)
  const ticks = Array.from({ length: count + 1 }, (_, i) => ({
    value: i * step,
    label: `${Number((i * step).toPrecision(6))}`,
  }))
  return { place, ticks }
}

/** curves: [{ name, points: [[x, y], ...] }], all numbers above 0; y at least 0 with `linear`. */
export function logPlot({ title, xLabel, yLabel, curves, linear = false }) {
  const all = curves.flatMap(({ points }) => points)
  const right = WIDTH - MARGIN.right
  const bottom = HEIGHT - MARGIN.bottom
  const x = logAxis(
    all.map(([value]) => value),
    MARGIN.left,
    right,
  )
  const y = (linear ? linearAxis : logAxis)(
    all.map(([, value]) => value),
    bottom,
    MARGIN.top,
  )
  const parts = [`<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`]
  const text = (content, left, top, more = '') =>
    parts.push(`<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" fill="#222" ${more}>${escaped(content)}</text>`)
  const line = (x1, y1, x2, y2) =>
    parts.push(`<path d="M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}" stroke="#ddd"/>`)
  for (const { value, label } of x.ticks) {
    line(x.place(value), MARGIN.top, x.place(value), bottom)
    text(label, x.place(value), bottom + 18, 'text-anchor="middle"')
  }
  for (const { value, label } of y.ticks) {
    line(MARGIN.left, y.place(value), right, y.place(value))
    text(label, MARGIN.left - 8, y.place(value) + 4, 'text-anchor="end"')
  }
  text(title, MARGIN.left, 24, 'font-weight="bold"')
  text(xLabel, (MARGIN.left + right) / 2, HEIGHT - 12, 'text-anchor="middle"')
  text(
    yLabel,
    16,
    (MARGIN.top + bottom) / 2,
    `text-anchor="middle" transform="rotate(-90 16 ${(MARGIN.top + bottom) / 2})"`,
  )
  const names = []
  for (const [i, { name, points }] of curves.entries()) {
    const colour = COLOURS[i % COLOURS.length]
    let shift = 0
    const places = points.map(([a, b]) => [x.place(a).toFixed(1), y.place(b).toFixed(1)])
    parts.push(
      `<path d="M${places.map((place) => place.join(' ')).join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    )
    for (const [left, top] of places) parts.push(`<circle cx="${left}" cy="${top}" r="3.5" fill="${colour}"/>`)
    // Names stand behind the last points, one below the other where those are close.
    const [left, top] = places.at(-1).map(Number)
    while (names.some((other) => Math.abs(other.left - left) < 100 && Math.abs(other.top - top - shift) < 14))
      shift += 7
    names.push({ left, top: top + shift })
    text(name, left + 8, top + shift + 4, `style="fill:${colour}"`)
  }
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}"`
  return `${head} font-family="sans-serif" font-size="12">\n${parts.join('\n')}\n</svg>\n`
}
