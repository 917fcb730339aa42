import { defineConfig } from 'vitest/config'

// Threads without isolation: thirty small files take one second instead of nine.
// How long a test takes says nothing on a machine that has other work: the limit only ends what hangs.
const shared = {
  pool: 'threads',
  isolate: false,
  environment: 'node',
  testTimeout: 60_000,
} as const

export default defineConfig({
  resolve: { conditions: ['sessiond-source'] },
  ssr: { resolve: { conditions: ['sessiond-source'] } },
  test: {
    // By default one less than there are cores, which leaves half of a small machine idle.
    maxWorkers: 2,
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
        // For six seconds each; SESSIOND_FUZZ_SECONDS says otherwise.
        extends: true,
        test: { ...shared, name: 'fuzz', include: ['test/fuzz/**/*.test.ts'] },
      },
      {
        // Whole processes: the built server under real clients, a browser, signals and strace.
        extends: true,
        test: {
          ...shared,
          name: 'whole',
          include: ['test/{interop,e2e,browser}/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 30_000 } },
        },
      },
    ],
  },
})
