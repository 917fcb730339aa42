import { dirname, join } from 'node:path'
import type { Config } from './serve-options.js'

/** Where a server keeps its store. */
export function storeLocation({ dataDir }: Pick<Config, 'dataDir'>): string {
  return join(dataDir, 'store')
}

/**
 * What shows that there was a store in the data directory. Its keys alone do not: they may be put there before it. An
 * earlier release, which left no note, has made an audit log beside them.
 */
export function storeTraces(
  config: Pick<Config, 'dataDir' | 'auditLog' | 'identityKey' | 'sealingKeys'>,
) {
  const { dataDir, auditLog, identityKey, sealingKeys } = config
  // Elsewhere they may be those of another data directory.
  const isHere = (path: string) => dirname(path) === dataDir
  const made = [auditLog, identityKey, sealingKeys]
  return {
    note: join(dataDir, 'store.made'),
    usedFiles: [auditLog].filter(isHere),
    leftTogether: made.every(isHere) ? made : [],
  }
}
