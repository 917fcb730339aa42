import { afterAll } from 'vitest'

/**
 * What ends things with the suite that it is called in. For `beforeAll`: Vitest ignores an `afterAll` that is registered
 * while tests run. The last that began ends first.
 */
export function suiteEnd(): (close: () => unknown) => void {
  const closes: (() => unknown)[] = []
  afterAll(async () => {
    for (const close of closes.reverse()) {
      await close()
    }
  })
  return (close) => void closes.push(close)
}
