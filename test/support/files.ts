import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { temporaryDirectory } from './process.js'

/** A path in a directory of this test's own, which is removed after it. */
export async function temporaryPath(...names: string[]): Promise<string> {
  return join(await temporaryDirectory(onTestFinished), ...names)
}
