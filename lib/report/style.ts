// The style sheet of the page of a report: light and dark, from a telephone to a wide screen.

const LIGHT = ['#2f63c9', '#c2571f', '#26804a', '#a8338a', '#6f52c4', '#80651a', '#0b7f92', '#b93434']
const DARK = ['#7fa9ff', '#ff9f69', '#70d08d', '#f08acf', '#b9a3ff', '#dcbf60', '#62d3e3', '#ff8585']

const colours = (list: readonly string[]) => list.map((colour, i) => `--run-${i}: ${colour};`).join(' ')

export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f5f6f8; --text: #1c2128; --muted: #5b6470; --line: #dfe3e8; --differs: #fff3d1;
  ${colours(LIGHT)}
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15181d; --raised: #1e2229; --text: #e4e7eb; --muted: #9aa4b0; --line: #343b45; --differs: #3c3418;
    ${colours(DARK)}
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1400px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.4rem; margin: 0 0 4px; }
h2 { font-size: 1.1rem; margin: 32px 0 8px; }
p { margin: 4px 0 12px; }
.muted { color: var(--muted); }
.controls {
  position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: 4px 20px; padding: 8px 0;
  max-height: 30vh; overflow: auto; background: var(--ground); border-bottom: 1px solid var(--line);
}
fieldset { display: contents; }
legend { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
label { display: inline-flex; align-items: center; gap: 6px; min-height: 28px; max-width: 100%; overflow-wrap: anywhere; }
input { accent-color: var(--run-0); flex: none; margin: 0; }
.swatch { display: inline-block; vertical-align: middle; flex: none; width: 22px; height: 0; border-top: 3px solid; }
${LIGHT.map((_, i) => `.run-${i} { border-color: var(--run-${i}); }`).join(' ')}
.dash-1 { border-top-style: dashed; } .dash-2 { border-top-style: dotted; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); gap: 16px; margin-top: 16px; }
.card { min-width: 0; padding: 10px 12px; background: var(--raised); border: 1px solid var(--line); border-radius: 8px; }
.card h3 { margin: 0 0 4px; font-size: 0.95rem; font-weight: 600; overflow-wrap: anywhere; }
figure { margin: 0; min-width: 0; }
.u-legend { text-align: left; font-size: 12px; }
.u-legend.u-inline .u-series { max-width: 100%; }
.u-legend th { font-weight: 400; }
.u-legend .u-label { overflow-wrap: anywhere; white-space: normal; }
.u-legend .u-value { display: inline-block; min-width: 8ch; font-variant-numeric: tabular-nums; }
.table { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table.cells { border-collapse: collapse; width: 100%; font-size: 14px; }
.cells th, .cells td { padding: 5px 10px; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
.cells thead th { border-top: 0; min-width: 96px; max-width: 240px; overflow-wrap: break-word; }
.cells tbody th { font-weight: 400; color: var(--muted); }
.cells th:first-child { position: sticky; left: 0; background: var(--raised); max-width: 42vw; overflow-wrap: break-word; }
.cells td { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.differs td { background: var(--differs); }
.best { font-weight: 700; }
details { margin-top: 12px; } summary { cursor: pointer; padding: 4px 0; }
ul { margin: 0; padding-left: 20px; overflow-wrap: anywhere; }
`
