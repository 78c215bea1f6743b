// The page in a real browser, where there is one: Debian's chromium, or what WIDEHEAD_TEST_CHROMIUM names.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { report } from '../../lib/report/report.js'
import { end, evaluation, Runs, start, step } from './helpers.js'

const PLACES = [
  process.env.WIDEHEAD_TEST_CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const executablePath = PLACES.find((path) => path && existsSync(path))
if (!executablePath) console.log('skipped: no chromium found (WIDEHEAD_TEST_CHROMIUM may name one)')

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Of each figure: whether its canvas has a point in the very colour of the second run, which is drawn last. */
const COLOURED = `Array.from(document.querySelectorAll('figure'), (figure) => {
  const wanted = getComputedStyle(document.documentElement).getPropertyValue('--run-1').trim()
  const canvas = figure.querySelector('canvas')
  if (!canvas || !canvas.width) return 'no canvas'
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  for (let i = 0; i < data.length; i += 4) {
    const rgb = [data[i], data[i + 1], data[i + 2]].map((part) => part.toString(16).padStart(2, '0'))
    if (data[i + 3] === 255 && '#' + rgb.join('') === wanted) return true
  }
  return 'nothing drawn'
})`

const EVIL = '<img src=x onerror="window.harmed=1">'

describe.skipIf(!executablePath)('the page in a browser', () => {
  const runs = new Runs()
  const file = join(runs.folder, 'report.html')
  const faults: string[] = []
  let browser: Browser

  beforeAll(async () => {
    const log = (shift: number) => [
      start,
      ...Array.from({ length: 50 }, (_, i) =>
        step(100 * (i + 1), 5 / (i + shift), { condition: i + shift, [EVIL]: i }),
      ),
      evaluation(5000, { examples: 9, 'p@1': 0.1 * shift, loss: shift }),
      end(5000),
    ]
    const folders = [
      runs.add('first', log(1)),
      runs.add(`second ${EVIL.replaceAll('/', '')}`, log(2), { training: { name: EVIL } }),
    ]
    writeFileSync(file, await report(folders))
    browser = await chromium.launch({ executablePath, args: FLAGS })
  })

  afterAll(async () => {
    await browser?.close()
  })

  async function open(options: { width: number; colorScheme: 'light' | 'dark' }): Promise<Page> {
    const { width, colorScheme } = options
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme })
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    page.on('request', (request) => request.url().startsWith('file:') || faults.push(`asked for ${request.url()}`))
    await page.goto(pathToFileURL(file).href)
    return page
  }

  it.each([
    { width: 1280, colorScheme: 'light' },
    { width: 360, colorScheme: 'dark' },
  ] as const)('draws all charts, $width wide, $colorScheme', async (options) => {
    const page = await open(options)
    const figures = await page.locator('figure').count()
    expect(figures).toBeGreaterThan(3)
    expect(await page.evaluate(COLOURED)).toEqual(Array(figures).fill(true))
    const wider = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
    expect(wider).toBeLessThanOrEqual(0)
    await page.close()
    expect(faults).toEqual([])
  })

  it('switches to seconds, and runs off and on', async () => {
    const page = await open({ width: 800, colorScheme: 'light' })
    const legend = page.locator('figure').first().locator('.u-series')
    expect(await legend.allTextContents()).toEqual([
      expect.stringMatching(/^step/),
      expect.anything(),
      expect.anything(),
    ])
    await page.getByLabel('seconds').check()
    expect(await legend.first().textContent()).toMatch(/^seconds/)
    await page.locator('input[name=run]').first().uncheck()
    expect(await legend.nth(1).getAttribute('class')).toContain('u-off')
    await page.locator('input[name=run]').first().check()
    expect(await legend.nth(1).getAttribute('class')).not.toContain('u-off')
    await page.close()
    expect(faults).toEqual([])
  })

  it('shows text of runs as text', async () => {
    const page = await open({ width: 800, colorScheme: 'light' })
    expect(await page.evaluate('[window.harmed, document.images.length]')).toEqual([undefined, 0])
    expect(await page.locator('figure .u-label').nth(2).textContent()).toContain('<img')
    await page.close()
    expect(faults).toEqual([])
  })
})
