// Runs in the Node that is under test, in the folder of the compiled code: node run-files.mjs '{"files": [...], "isa": "neon"}'.
// Prints a line a file, every failure, and 'N passed, N failed, N skipped' at the end.

import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { startTests } from '@vitest/runner'

const code = fileURLToPath(new URL('.', import.meta.url))
const { files, isa: wanted } = JSON.parse(process.argv[2])
const MOST_MS = 30 * 60_000 // a test: emulated code is some thirty times as slow

const { isa, supportedIsas } = await import('./lib/index.js')
const { platform, arch, versions } = process
console.log(`  ${platform} ${arch}, Node ${versions.node}, ${isa()} of ${supportedIsas().join(', ')}`)
if (wanted && isa() !== wanted) throw new Error(`it uses ${isa()}, not ${wanted}`)

const runner = {
  config: {
    ...{ root: code, setupFiles: [], name: '', passWithNoTests: false, testNamePattern: undefined, allowOnly: false },
    ...{ sequence: { seed: 1, hooks: 'stack', setupFiles: 'list' }, chaiConfig: undefined, maxConcurrency: 1 },
    ...{ testTimeout: MOST_MS, hookTimeout: MOST_MS, retry: 0, includeTaskLocation: false },
    ...{ tags: [], tagsFilter: undefined, strictTags: false },
  },
  importFile: (path) => import(pathToFileURL(path).href),
}

const counts = { passed: 0, failed: 0, skipped: 0 }

function count(task, path) {
  const name = path === '' ? task.name : `${path} > ${task.name}`
  for (const { message, stack } of task.result?.errors ?? []) console.log(`  FAIL ${name}: ${message}\n${stack}`)
  if (task.type === 'suite') {
    // By itself a suite fails where its file or one of its hooks does.
    if (task.result?.errors?.length > 0) counts.failed++
    for (const child of task.tasks) count(child, name)
  } else if (task.mode !== 'run') counts.skipped++
  else counts[task.result?.state === 'pass' ? 'passed' : 'failed']++
}

for (const file of files) {
  const before = { ...counts }
  const start = performance.now()
  const [tasks] = await startTests([{ filepath: join(code, file) }], runner)
  count(tasks, '')
  const [passed, failed] = [counts.passed - before.passed, counts.failed - before.failed]
  console.log(`  ${file}: ${passed} passed, ${failed} failed, ${((performance.now() - start) / 1000).toFixed(1)} s`)
}
console.log(`  ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1)
