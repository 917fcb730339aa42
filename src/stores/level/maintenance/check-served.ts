import type { CheckEvent } from '../../../core/upkeep/care.js'
import { damagedFiles } from '../files/store-files.js'
import type { LevelStore } from '../store.js'
import { type CheckPorts, checkStore } from './check.js'

/**
 * Checks a store that is served: its files first, without LevelDB, which damage in a table can make end the process. Only
 * where they are whole it reads the rows.
 */
export async function* checkServed(
  store: LevelStore,
  ports: CheckPorts,
): AsyncGenerator<CheckEvent, void> {
  let isWhole = true
  for await (const { file, problem } of damagedFiles(store.location)) {
    isWhole = false
    yield { problem: `${file}: ${problem}` }
  }
  if (isWhole) {
    yield* checkStore((onDamaged) => store.view(onDamaged), ports)
  } else {
    yield {
      problem:
        'the rows were not compared, since reading a damaged file may end the server: stop it, and `sessiond repair`',
    }
  }
}
