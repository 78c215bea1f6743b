// What runs in the page of a report: draws its charts with uPlot, over steps or over seconds, in the colours of the style
// sheet. It gets its data from the page, and puts text of runs into the page as text alone.

const { runs, charts } = JSON.parse(document.getElementById('data').textContent)
const PALETTE = 8
const DASHES = [[], [8, 5], [2, 4]]
const HEIGHT = 240
const AXIS_WIDTH = 58

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
const runColour = (run) => colour(`--run-${run % PALETTE}`)

/** Short enough for an axis: 12K, 0.25, 3e-5. */
function short(value) {
  if (value === null || value === undefined) return '–'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e15)) return value.toExponential(1).replace('.0e', 'e').replace('e+', 'e')
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 4 }).format(value)
}

function exact(value) {
  return value === null || value === undefined ? '–' : String(Number(value.toPrecision(5)))
}

/** One column of places for all curves of a chart, which uPlot wants; seconds may stand still, and then the newest counts. */
function aligned(curves, axis) {
  return uPlot.join(
    curves.map((curve) => {
      const values = new Map(curve[axis].map((place, i) => [place, curve.value[i]]))
      return [[...values.keys()], [...values.values()]]
    }),
  )
}

function seriesOf({ run, value }) {
  return {
    label: runs[run],
    stroke: () => runColour(run),
    dash: DASHES[Math.floor(run / PALETTE) % DASHES.length],
    width: 1.75,
    spanGaps: true,
    points: { show: value.length < 12, size: 6, fill: () => runColour(run) },
    value: (_plot, shown) => exact(shown),
  }
}

function axisOf(size) {
  const lines = { stroke: () => colour('--line'), width: 1 }
  const font = '12px system-ui, sans-serif'
  const values = (_plot, places) => places.map((place) => (place === null ? '' : short(place)))
  return { stroke: () => colour('--muted'), grid: lines, ticks: lines, size, font, values }
}

function optionsOf(chart, axis, width) {
  const places = { label: axis === 'step' ? 'step' : 'seconds', value: (_plot, shown) => exact(shown) }
  return {
    width,
    height: HEIGHT,
    scales: { x: { time: false }, y: chart.logarithmic ? { distr: 3 } : {} },
    axes: [axisOf(34), axisOf(AXIS_WIDTH)],
    series: [places, ...chart.curves.map(seriesOf)],
    cursor: { sync: { key: 'runs' }, drag: { x: true, y: false } },
  }
}

const hidden = new Set()
let axis = 'step'

/** The charts on the page, each in its figure. */
const shown = charts.map((chart, index) => ({
  chart,
  figure: document.getElementById(`chart-${index}`),
  plot: undefined,
}))

function draw(entry) {
  const { chart, figure } = entry
  entry.plot?.destroy()
  entry.plot = new uPlot(optionsOf(chart, axis, figure.clientWidth), aligned(chart.curves, axis), figure)
  chart.curves.forEach(({ run }, i) => {
    if (hidden.has(run)) entry.plot.setSeries(i + 1, { show: false })
  })
}

const drawAll = () => shown.forEach(draw)

for (const input of document.querySelectorAll('input[name=axis]')) {
  input.addEventListener('change', () => {
    axis = input.value
    drawAll()
  })
}

for (const input of document.querySelectorAll('input[name=run]')) {
  input.addEventListener('change', () => {
    const run = Number(input.value)
    if (input.checked) hidden.delete(run)
    else hidden.add(run)
    drawAll()
  })
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll)

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const plot = shown.find(({ figure }) => figure === target)?.plot
    if (plot && plot.width !== target.clientWidth) plot.setSize({ width: target.clientWidth, height: HEIGHT })
  }
})

drawAll()
for (const { figure } of shown) sizes.observe(figure)
