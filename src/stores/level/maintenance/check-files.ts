import { StoreMismatchError } from '../../../core/errors.js'
import type { CheckEvent } from '../../../core/upkeep/care.js'
import type { ClosedCheckPorts } from '../../engine.js'
import { Database, holdsDatabase } from '../database.js'
import { damagedFiles } from '../files/store-files.js'
import { renewedInfo } from '../layout/info.js'
import { View } from '../read/view.js'
import { checkStore } from './check.js'
import { agreeOnInfo } from './upgrade.js'

/**
 * Checks a store's files and, if they are intact, its rows with `checkRows`. It reads the files without LevelDB, which
 * modifies damaged files and may end the process. `advice` says why the rows were skipped and what to do.
 */
export async function* checkFilesThen(
  checkRows: () => AsyncIterable<CheckEvent>,
  location: string,
  advice: string,
  signal?: AbortSignal,
): AsyncGenerator<CheckEvent, void> {
  let isWhole = true
  for await (const { file, problem } of damagedFiles(location, { signal })) {
    isWhole = false
    yield { problem: `${file}: ${problem}` }
  }
  if (isWhole) {
    yield* checkRows()
  } else {
    yield { problem: `the rows were not compared, since ${advice}` }
  }
}

/** `StoreEngine.check`. */
export async function* checkClosed(
  location: string,
  ports: ClosedCheckPorts,
): AsyncGenerator<CheckEvent, void> {
  await expectDatabase(location)
  yield* checkFilesThen(
    () => checkClosedRows(location, ports),
    location,
    'files are damaged: `sessiond repair` first',
    ports.signal,
  )
}

async function* checkClosedRows(
  location: string,
  ports: ClosedCheckPorts,
): AsyncGenerator<CheckEvent, void> {
  await expectDatabase(location)
  const database = new Database(location)
  await database.open()
  try {
    const { lacksEndings } = renewedInfo(await agreeOnInfo(database, ports.epochs))
    yield* checkStore(
      (...view) => View.open((read) => database.read(read), ...view),
      // They come when a server opens the store.
      lacksEndings ? { ...ports, endingDeadline: () => null } : ports,
    )
  } finally {
    await database.close()
  }
}

/** Throws StoreMismatchError if there is no database. */
export async function expectDatabase(location: string): Promise<void> {
  if (!(await holdsDatabase(location))) {
    throw new StoreMismatchError(
      `there is no store in ${location}: give the server's --data-dir and --store`,
    )
  }
}
