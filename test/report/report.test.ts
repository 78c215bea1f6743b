import { createHash } from 'node:crypto'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { report } from '../../lib/report/report.js'
import { dataOf, end, evaluation, Runs, start, step } from './helpers.js'

const runs = new Runs()
const config = (head: string, batch: number) => ({
  network: { head, layers: [{ size: 8 }] },
  training: { batch, seed: 0 },
})

/** The cells of the row of that name, in the first table that has it. */
function cells(html: string, name: string): string[] {
  const [, row] = new RegExp(`<th scope="row">${name}</th>(.*?)</tr>`).exec(html.replaceAll('<wbr>', '')) ?? []
  return [...(row ?? '').matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell]) => cell)
}

const titles = (html: string) => dataOf(html).charts.map(({ title }) => title)
const curve = (html: string, title: string, run = 0) => {
  const found = dataOf(html)
    .charts.find((chart) => chart.title === title)
    ?.curves.find((one) => one.run === run)
  return found && { step: found.step, seconds: found.seconds, value: found.value }
}

describe('report', () => {
  it('shows two runs together: curves, results and configurations', async () => {
    const one = runs.add(
      'one',
      [
        start,
        step(100, 5, { condition: 2, corrections: 3 }),
        step(200, 4),
        evaluation(200, { examples: 7, 'p@1': 0.5, loss: 3 }),
        end(200),
      ],
      config('exact', 10),
    )
    const two = runs.add(
      'two',
      [start, step(100, 6), evaluation(100, { examples: 7, 'p@1': 0.25, loss: 2 }), end(100, { stopped: true })],
      config('sampled', 10),
    )
    const html = await report([one, two])
    expect(dataOf(html).runs).toEqual([one, two])
    expect(titles(html)).toEqual([
      'training loss',
      'held-out p@1',
      'held-out loss',
      'examples/s',
      'learning rate below the head',
      'condition of U, upper bound',
      'corrections of U',
    ])
    expect(curve(html, 'training loss')).toEqual({ step: [100, 200], seconds: [10, 20], value: [5, 4] })
    expect(curve(html, 'held-out p@1', 1)).toEqual({ step: [100], seconds: [10], value: [0.25] })
    expect(curve(html, 'condition of U, upper bound', 1)).toBeUndefined()
    expect(cells(html, 'state')).toEqual(['finished', 'stopped'])
    expect(cells(html, 'steps')).toEqual(['200', '100'])
    expect(cells(html, 'time per step')).toEqual(['50 ms', '50 ms'])
    expect(cells(html, 'examples/s')).toEqual(['2,000', '2,000'])
    expect(cells(html, 'held-out p@1')).toEqual(['0.5', '0.25'])
    expect(html).toContain('<td class="best">0.5</td>')
    expect(html).toContain('<td class="best">2</td>') // of losses the smaller one
    const differs = html.slice(html.indexOf('cells differs'), html.indexOf('<details'))
    expect(cells(differs, 'network.head')).toEqual(['exact', 'sampled'])
    expect(differs).not.toContain('training.batch')
    expect(cells(html, 'training.batch')).toEqual(['10'])
  })

  it('compares no losses of different kinds', async () => {
    const [one, two] = [{ name: 'squared-error' }, null].map((loss, i) =>
      runs.add(`loss-${i}`, [start, step(1, i), evaluation(1, { loss: i, 'p@1': i }), end(1)], { network: { loss } }),
    )
    const html = await report([one, two])
    const names = ['training loss (different losses)', 'held-out loss (different losses)']
    expect(titles(html)).toEqual(expect.arrayContaining(names))
    expect(html.match(/class="best"/g)?.length).toBe(1) // of p@1 alone
    expect(titles(await report([one]))).toContain('held-out loss')
  })

  it('needs nothing outside the page and lets nothing else run', async () => {
    const html = await report([runs.add('alone', [start, step(1, 1), end(1)])])
    expect(html).not.toMatch(/(src|href)=|url\(|@import/)
    const scripts = [...html.matchAll(/<script(?: type="module")?>(.*?)<\/script>/gs)].map(([, script]) => script)
    expect(scripts.length).toBe(2)
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? ''
    expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-/)
    for (const script of scripts) expect(policy).toContain(createHash('sha256').update(script).digest('base64'))
  })

  it('escapes all that comes from runs', async () => {
    const evil = '</script><script>alert(1)</script><img src=x onerror=alert(2)>"\''
    const path = runs.add(
      'bad"><img src=x>&',
      [
        { ...start, [evil]: evil },
        step(1, 1, { [evil]: 2 }),
        evaluation(1, { [evil]: 3 }),
        end(1, { stopped: evil, [evil]: 1 }),
      ],
      { [evil]: { [evil]: evil }, __proto__: { a: 1 }, training: { list: [evil] } },
    )
    const html = await report([path])
    expect(html.match(/<script/g)?.length).toBe(3)
    expect(html.match(/<\/script/g)?.length).toBe(3)
    expect(html).not.toMatch(/<img/)
    expect(html).not.toContain('"><img')
    expect(titles(html)).toContain(evil) // whole, as data
    expect(html).toContain('&lt;/script&gt;&lt;script&gt;alert(1)')
  })
})

describe('a log that is not whole', () => {
  it('of a run that was killed', async () => {
    const path = runs.add('killed', [start, step(100, 5), '{"kind":"step","seconds":20,"ste'])
    const html = await report([path])
    expect(html).toContain('the last line is torn: the run was killed, or is still going')
    expect(html).not.toContain('could not be read')
    expect(cells(html, 'state')).toEqual(['no end'])
    expect(curve(html, 'training loss')?.value).toEqual([5])
  })

  it('of a run that goes on', async () => {
    expect(await report([runs.add('going', [start, step(100, 5)])])).toContain('the log has no end')
  })

  it('of a run that was resumed: what was done again takes the place of what was lost', async () => {
    const before = [start, step(100, 5), step(200, 4), evaluation(200, { 'p@1': 0.1 }), step(300, 3), '{"kind":"st\n']
    const after = [
      { kind: 'resume', seconds: 31, step: 200 },
      step(250, 7, { seconds: 33 }),
      step(300, 6, { seconds: 34 }),
      end(300),
    ]
    const html = await report([runs.add('resumed', [...before, ...after])])
    expect(curve(html, 'training loss')).toEqual({
      step: [100, 200, 250, 300],
      seconds: [10, 20, 33, 34],
      value: [5, 4, 7, 6],
    })
    expect(curve(html, 'held-out p@1')?.step).toEqual([200])
    expect(html).toContain('resumed once')
    expect(html).toContain('a line could not be read and left out, first line 6')
    expect(cells(html, 'state')).toEqual(['finished'])
  })

  it('whose clock was set back goes on in time', async () => {
    const html = await report([
      runs.add('clock', [start, step(100, 5), step(200, 4, { seconds: 1 }), step(300, 3, { seconds: 2 })]),
    ])
    expect(curve(html, 'training loss')?.seconds).toEqual([10, 10, 11])
  })

  it('with lines that are no facts', async () => {
    const path = runs.add('odd', [
      '\n',
      '[1,2]\n',
      'null\n',
      '"kind"\n',
      '\u0000\n',
      start,
      step(1, null),
      { kind: 'step', step: 'two', loss: 1 },
      { kind: 'news', step: 7 },
      '{"kind":"step","step":2,"loss":1e999}\n',
      step(3, 2),
      end(3),
    ])
    const html = await report([path])
    expect(html).toContain('4 lines could not be read and left out, first line 2')
    expect(curve(html, 'training loss')).toEqual({ step: [3], seconds: [0.3], value: [2] })
  })

  it('that is empty, or not there', async () => {
    const empty = await report([runs.add('empty', [])])
    expect(empty).toContain('metrics.jsonl is empty')
    expect(empty).toContain('No run has logged a step')
    expect(cells(empty, 'state')).toEqual(['nothing logged'])
    expect(await report([runs.add('none', undefined, { training: { batch: 3 } })])).toContain(
      'there is no metrics.jsonl',
    )
  })

  it('beside a configuration that is missing or broken: the log has a copy', async () => {
    const path = runs.add('bare', [start, step(1, 1)], null)
    const html = await report([path])
    expect(html).toContain('there is no config.json')
    expect(cells(html, 'network.head')).toEqual(['exact'])
    writeFileSync(join(path, 'config.json'), '{"network":')
    expect(await report([path])).toContain('config.json cannot be read: it is no JSON object')
  })

  it('of a folder that is none', async () => {
    await expect(report([join(runs.folder, 'nowhere')])).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
      message: expect.stringContaining('no such file or folder'),
    })
    await expect(report([runs.folder])).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
      message: expect.stringContaining('holds neither config.json nor metrics.jsonl'),
    })
    const path = join(runs.add('file', [start]), 'metrics.jsonl')
    await expect(report([path])).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
      message: expect.stringContaining('is no folder'),
    })
  })
})

describe('size', () => {
  it('is bounded for a long run', async () => {
    const path = runs.add('long', [start])
    const block = (first: number) =>
      Array.from(
        { length: 10_000 },
        (_, i) => `${JSON.stringify(step(first + i, Math.sin(first + i), { condition: 2 + (i % 5) }))}\n`,
      )
    for (let first = 1; first < 150_000; first += 10_000)
      appendFileSync(join(path, 'metrics.jsonl'), block(first).join(''))
    const html = await report([path])
    expect(html.length).toBeLessThan(500_000)
    expect(curve(html, 'training loss')?.step.at(-1)).toBe(150_000)
  })

  it('is bounded for a log with many quantities, long names, and a line without end', async () => {
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`${'x'.repeat(250)}${i}`, i]))
    const path = runs.add('many', [start, step(1, 1, many), `${'['.repeat(3_000_000)}\n`, end(1)], { training: many })
    const html = await report([path])
    expect(titles(html).length).toBe(40)
    expect(html.length).toBeLessThan(500_000)
    expect(html).toContain('more than 40 quantities: the others were left out')
  })
})
