// A few shapes as SVG.

export const INK = '#1f2933'
export const FAINT = '#9aa5b1'
export const BLUE = '#0b6e99'
export const ORANGE = '#c2410c'
export const GREEN = '#4d7c0f'
export const PALE = { blue: '#d6ebf5', orange: '#fde3d3', green: '#e4efd2', grey: '#eef1f4' }

const escaped = (text) => `${text}`.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

export class Picture {
  #parts = []

  constructor(width, height, title) {
    this.width = width
    this.height = height
    this.title = title
  }

  rect(x, y, width, height, { fill = PALE.grey, stroke = INK, radius = 0, line = 1 } = {}) {
    this.#parts.push(
      `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${fill}" stroke="${stroke}" stroke-width="${line}"/>`,
    )
  }

  /** Lines of text, the first at y. */
  text(x, y, content, { size = 13, anchor = 'middle', fill = INK, bold = false } = {}) {
    for (const [i, line] of [content].flat().entries()) {
      this.#parts.push(
        `<text x="${x}" y="${y + i * (size + 4)}" font-size="${size}" text-anchor="${anchor}" fill="${fill}"${bold ? ' font-weight="bold"' : ''}>${escaped(line)}</text>`,
      )
    }
  }

  line(points, { stroke = INK, line = 1.5, arrow = false, dashed = false } = {}) {
    const path = points.map(([x, y]) => `${x} ${y}`).join('L')
    this.#parts.push(
      `<path d="M${path}" fill="none" stroke="${stroke}" stroke-width="${line}"${dashed ? ' stroke-dasharray="4 3"' : ''}${arrow ? ' marker-end="url(#arrow)"' : ''}/>`,
    )
  }

  /** An arc from one point to another on the same height, above them. */
  arc(from, to, y, height, { stroke = INK, line = 1.5 } = {}) {
    const middle = (from + to) / 2
    this.#parts.push(
      `<path d="M${from} ${y}Q${middle} ${y - 2 * height} ${to} ${y}" fill="none" stroke="${stroke}" stroke-width="${line}" marker-end="url(#arrow)"/>`,
    )
  }

  dot(x, y, fill = INK) {
    this.#parts.push(`<circle cx="${x}" cy="${y}" r="4.5" fill="${fill}"/>`)
  }

  /** A box with lines of text in its middle. */
  box(x, y, width, height, lines, style = {}) {
    this.rect(x, y, width, height, { radius: 6, ...style })
    const rows = [lines].flat()
    const first = y + height / 2 + 4.5 - ((rows.length - 1) * 17) / 2
    for (const [i, row] of rows.entries())
      this.text(x + width / 2, first + i * 17, row, { bold: i === 0 && rows.length > 1 })
  }

  toString() {
    const { width, height } = this
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" role="img" aria-label="${escaped(this.title)}">`,
      `<title>${escaped(this.title)}</title>`,
      '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#1f2933"/></marker></defs>',
      `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="#fff" stroke="#cbd2d9"/>`,
      ...this.#parts,
      '</svg>\n',
    ].join('\n')
  }
}
