// `widehead report` over runs that `widehead train` has made.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../data/helpers.js'
import { dataOf } from '../report/helpers.js'
import { CORPORA, widehead } from './helpers.js'

const folder = temporaryFolder()
const path = (name: string) => join(folder, name)

beforeAll(async () => {
  writeFileSync(path('xmc'), CORPORA.xmc)
  for (const head of ['exact', 'sampled']) {
    const args = ['train', '--train', path('xmc'), '--valid', path('xmc'), '--out', path(head), '--head', head]
    expect(
      (await widehead([...args, '--hidden', '8', '--epochs', '3', '--batch', '20', '--log-every', '5'])).code,
    ).toBe(0)
  }
})

describe('widehead report', () => {
  it('writes a page over several runs', async () => {
    const out = path('page.html')
    const result = await widehead(['report', path('exact'), path('sampled'), '--out', out])
    expect(result).toEqual({ code: 0, stdout: '', stderr: `wrote ${out}\n` })
    const { runs, charts } = dataOf(readFileSync(out, 'utf8'))
    expect(runs).toEqual([path('exact'), path('sampled')])
    const logged = (title: string) =>
      charts.find((chart) => chart.title === title)?.curves.map(({ run, value }) => [run, value.length])
    expect(logged('training loss (different losses)')).toEqual([
      [0, 9],
      [1, 9],
    ])
    expect(logged('held-out p@1')).toEqual([
      [0, 3],
      [1, 3],
    ])
    expect(logged('condition of U, upper bound')).toEqual([[0, 9]]) // exact heads alone have it
    expect(logged('corrections of U')).toEqual([[0, 9]])
    const condition = charts.find(({ title }) => title.startsWith('condition'))?.curves[0].value ?? []
    expect(Math.min(...condition)).toBeGreaterThanOrEqual(1)
  })

  it('replaces a file only when asked to', async () => {
    const out = path('there.html')
    writeFileSync(out, 'mine')
    const refused = await widehead(['report', path('exact'), '--out', out])
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/is already there: pass --overwrite/) })
    expect(readFileSync(out, 'utf8')).toBe('mine')
    expect((await widehead(['report', path('exact'), '--out', out, '--overwrite'])).code).toBe(0)
    expect(readFileSync(out, 'utf8')).toMatch(/^<!doctype html>/)
  })

  it.each<[string[], number, RegExp]>([
    [['report'], 2, /missing required argument 'runs'/],
    [['report', path('missing')], 4, /missing: no such file or folder/],
    [['report', folder], 4, /holds neither config.json nor metrics.jsonl/],
    [['report', path('exact'), '--out', path('nowhere/page.html')], 4, /cannot write .*no such file or folder/],
  ])('%j', async (args, code, message) => {
    const named = args.includes('--out') ? args : [...args, '--out', path('never.html')]
    expect(await widehead(named)).toMatchObject({ code, stderr: expect.stringMatching(message) })
    expect(existsSync(path('never.html'))).toBe(false)
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})
