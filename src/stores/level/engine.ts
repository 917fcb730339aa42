import { join } from 'node:path'
import { StoreUnavailableError } from '../../core/errors.js'
import type { ServedStore, StoreEngine, StoreOptions, StorePlace } from '../engine.js'
import { expectNotLost, noteMade } from '../traces.js'
import { holdsDatabase } from './database.js'
import { reasonOf } from './errors.js'
import { checkClosed } from './maintenance/check-files.js'
import { expectNoReplacement, repairInPlace } from './maintenance/replace.js'
import { restoreInPlace } from './maintenance/restore.js'
import { StartAttempts } from './maintenance/start-check.js'
import { LevelStore } from './store.js'

/** A LevelDB in a directory of its own. */
export function levelEngine({ address, dataDir, traces }: StorePlace): StoreEngine {
  const location = address === '' ? join(dataDir, 'store') : address
  const attempts = new StartAttempts()
  const open = async (options: StoreOptions): Promise<ServedStore> => {
    await expectNoReplacement(location)
    if (!(await holdsDatabase(location))) {
      await expectNotLost(location, traces)
    }
    const store = await LevelStore.open(location, { ...options, attempts })
    try {
      // The data directory of what is copied may be another.
      await (options.isCopied || noteMade(traces))
      return store
    } catch (error) {
      await store.close()
      throw new StoreUnavailableError(`${location} does not open: ${reasonOf(error)}`, error)
    }
  }
  return {
    location,
    exists: () => holdsDatabase(location),
    open,
    check: (ports) => checkClosed(location, ports),
    repair: (ports) => repairInPlace(location, ports),
    restore: (items, name, source) => restoreInPlace(items, location, name, source !== undefined),
  }
}
