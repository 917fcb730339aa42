import { SessiondError } from '../../core/errors.js'
import { exitCodeOf } from './exit-codes.js'
import { printable } from './printable.js'

/** Prints what becomes of each session. Tells of those that do not exist; the exit code is then 1. */
export async function printEach(
  ids: readonly string[],
  textOf: (id: string) => Promise<string>,
): Promise<void> {
  for (const id of ids) {
    try {
      console.log(await textOf(id))
    } catch (error) {
      if (!(error instanceof SessiondError && error.code === 'NOT_FOUND')) {
        throw error
      }
      console.error(`sessiond: ${printable(error.message)}`)
      process.exitCode = exitCodeOf(error)
    }
  }
}
