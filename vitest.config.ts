import { defineConfig } from 'vitest/config'

// Forks, so that a crash in native code takes one test file with it and not the run. The conformance suite runs once more in
// worker threads, where several environments share one loaded addon.
// WIDEHEAD_TEST_LONG=1 makes the long and the exactness tests larger (half an hour and more).
const MINUTE = 60_000
const long = process.env.WIDEHEAD_TEST_LONG === '1'
const testTimeout = (long ? 60 : 10) * MINUTE

export default defineConfig({
  test: {
    maxWorkers: 2,
    testTimeout,
    hookTimeout: testTimeout,
    teardownTimeout: MINUTE,
    projects: [
      {
        extends: true,
        test: { name: 'forks', pool: 'forks', include: ['test/**/*.test.ts'], exclude: ['test/long/**'] },
      },
      {
        extends: true,
        test: { name: 'threads', pool: 'threads', include: ['test/{exact,dense}-head.test.ts'] },
      },
      {
        // Two files at a time on few cores: a pool of one thread each is faster, and 20,000 steps last as long as they must.
        extends: true,
        test: { name: 'long', pool: 'forks', include: ['test/long/*.test.ts'], env: { WIDEHEAD_THREADS: '1' } },
      },
    ],
  },
})
