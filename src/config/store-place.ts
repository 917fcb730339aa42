import { dirname, join } from 'node:path'
import type { StorePlace } from '../stores/engine.js'
import type { ENGINE_OPTIONS } from './engine-options.js'
import type { Config } from './serve-options.js'

/**
 * Where a server keeps its store, and what shows that there was one. The keys in its data directory alone do not show it:
 * they may be put there before the store. An earlier release, which left no note, has made an audit log beside them.
 */
export function storePlace({
  store,
  storeReplicas,
  storeTimeoutMs,
  storePasswordFile,
  storeCa,
  storeTlsCert,
  storeTlsKey,
  storeNat,
  dataDir,
  auditLog,
  identityKey,
  sealingKeys,
}: Pick<
  Config,
  'store' | keyof typeof ENGINE_OPTIONS | 'dataDir' | 'auditLog' | 'identityKey' | 'sealingKeys'
>): StorePlace {
  // Elsewhere they may be those of another data directory.
  const isHere = (path: string) => dirname(path) === dataDir
  const made = [auditLog, identityKey, sealingKeys]
  return {
    ...store,
    dataDir,
    access: {
      replicas: storeReplicas,
      timeoutMs: storeTimeoutMs,
      passwordFile: storePasswordFile,
      caFile: storeCa,
      clientFiles:
        storeTlsCert === null || storeTlsKey === null
          ? null
          : { cert: storeTlsCert, key: storeTlsKey },
      nat: storeNat,
    },
    traces: {
      note: join(dataDir, 'store.made'),
      usedFiles: [auditLog].filter(isHere),
      leftTogether: made.every(isHere) ? made : [],
    },
  }
}
