import { defineConfig } from 'vitest/config'

// Threads without isolation: thirty small files take one second instead of nine.
// The time limits are long, because they only end what hangs: a busy machine must not fail a test.
const shared = {
  pool: 'threads',
  isolate: false,
  environment: 'node',
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 60_000 } },
} as const

export default defineConfig({
  resolve: { conditions: ['sessiond-source'] },
  ssr: { resolve: { conditions: ['sessiond-source'] } },
  test: {
    // Twice what a small machine has cores: suites of whole processes wait for half of their time.
    maxWorkers: 4,
    // `make coverage`. What decides and verifies needs a test for almost every branch.
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reportsDirectory: '.cache/coverage',
      reporter: ['text-summary', 'html', ['text', { file: 'coverage.txt', skipFull: true }]],
      thresholds: {
        'src/core/**': { branches: 95 },
        'src/crypto/**': { branches: 95 },
        'src/envelope/**': { branches: 95 },
      },
    },
    projects: [
      {
        extends: true,
        test: {
          ...shared,
          name: 'fast',
          include: ['test/{unit,vectors,property,conformance}/**/*.test.ts'],
        },
      },
      {
        // A second for each reader, or SESSIOND_FUZZ_SECONDS.
        extends: true,
        test: { ...shared, name: 'fuzz', include: ['test/fuzz/**/*.test.ts'] },
      },
      {
        // Whole processes: the built server with real clients, a browser, signals and strace.
        extends: true,
        test: {
          ...shared,
          name: 'whole',
          include: ['test/{interop,e2e,browser}/**/*.test.ts'],
          globalSetup: 'test/support/left-over.ts',
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        // As the suite above, where a minute is not enough. CI runs it, `make test` does not.
        extends: true,
        test: {
          ...shared,
          name: 'endurance',
          include: ['test/endurance/**/*.test.ts'],
          globalSetup: 'test/support/left-over.ts',
          testTimeout: 600_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
