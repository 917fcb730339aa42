import { dirname, join } from 'node:path'
import type { Config } from './config.js'
import type { Traces } from './stores/level/made.js'

/** Where a server keeps its store. */
export function storeLocation({ dataDir }: Pick<Config, 'dataDir'>): string {
  return join(dataDir, 'store')
}

/** What shows that there was a store in the data directory. Its keys do not: they may be put there before it. */
export function storeTraces({ dataDir, auditLog }: Pick<Config, 'dataDir' | 'auditLog'>): Traces {
  return {
    note: join(dataDir, 'store.made'),
    // Elsewhere it may be that of another data directory.
    usedFiles: dirname(auditLog) === dataDir ? [auditLog] : [],
  }
}
