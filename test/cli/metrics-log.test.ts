// metrics.jsonl on a disk that is full for a while: the run goes on, and no line is lost or torn.

import { existsSync, readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type MetricsLine, MetricsLog } from '../../lib/cli/metrics-log.js'
import { temporaryFolder } from '../data/helpers.js'
import { jsonLines } from './helpers.js'

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return { ...fs, writeSync: vi.fn(fs.writeSync) }
})
const disk = vi.mocked(writeSync)
const { writeSync: really } = await vi.importActual<typeof import('node:fs')>('node:fs')

const folder = temporaryFolder()
const full = () => {
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
}
const open = (name: string) => {
  const told: number[] = []
  const warnings: string[] = []
  const path = join(folder, name)
  const onMetrics = ({ step }: MetricsLine) => told.push(step as number)
  const log = new MetricsLog(path, undefined, onMetrics, (message) => warnings.push(message))
  const steps = () => jsonLines(readFileSync(path, 'utf8')).map(({ step }) => step)
  return { path, log, told, warnings, steps }
}

afterEach(() => {
  disk.mockReset()
  disk.mockImplementation(really)
})

describe('MetricsLog', () => {
  it('writes the rest of a line of which the disk has taken a part', () => {
    const { log, steps } = open('short')
    disk.mockImplementation(((file: number, bytes: Buffer, at: number) =>
      really(file, bytes, at, 5 <= bytes.length - at ? 5 : undefined)) as never)
    for (const step of [1, 2]) log.write('step', { step })
    expect(steps()).toEqual([1, 2])
    log.close()
  })

  it('goes on where the disk is full, warns once, and writes what was missed once it is not', () => {
    const { path, log, told, warnings, steps } = open('full')
    log.write('step', { step: 1 })
    const { size } = statSync(path)
    // Half a line goes, then nothing.
    disk.mockImplementationOnce(((file: number, bytes: Buffer) => really(file, bytes, 0, 7)) as never)
    disk.mockImplementation(full as never)
    for (const step of [2, 3]) log.write('step', { step })
    expect(log.bytes).toBe(size)
    expect(warnings).toEqual([`cannot write ${path}: no space left on the device: going on, and trying again`])
    disk.mockImplementation(really)
    log.flush()
    expect(log.bytes).toBe(statSync(path).size)
    expect(steps()).toEqual([1, 2, 3])
    log.write('step', { step: 4 })
    disk.mockImplementation(full as never)
    log.write('end', { step: 4 })
    expect(warnings).toHaveLength(2)
    disk.mockImplementation(really)
    log.close()
    expect(steps()).toEqual([1, 2, 3, 4, 4])
    expect(told).toEqual([1, 2, 3, 4, 4])
  })

  it.skipIf(!existsSync('/dev/full'))('takes a device that takes nothing', () => {
    const warnings: string[] = []
    const log = new MetricsLog('/dev/full', undefined, undefined, (message) => warnings.push(message))
    for (const step of [1, 2]) log.write('step', { step })
    expect([log.bytes, warnings.length]).toEqual([0, 1])
    log.close()
  })
})
