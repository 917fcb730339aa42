import { setTimeout as sleep } from 'node:timers/promises'
import type { Lifecycle } from '../lifecycle.js'
import type { Logger } from '../log.js'
import { liveFiles, verifyTableFile } from '../stores/level/files/store-files.js'
import type { LevelStore } from '../stores/level/store.js'

const LOOK_INTERVAL_MS = 1_000
const TABLES_INTERVAL_MS = 60_000
/** Between two tables: verifying one takes a few milliseconds of the event loop. */
const PAUSE_MS = 50

/**
 * Looks every second whether the store's files are still there, which calls `onGone` where they are not, and verifies each
 * table once. Returns what an operator should look at, a line each.
 */
export function watchStore(
  store: LevelStore,
  onGone: () => void,
  log: Logger,
  lifecycle: Lifecycle,
): () => readonly string[] {
  const stop = new AbortController()
  const verified = new Set<string>()
  let isDamaged = false
  const timer = setInterval(() => {
    if (store.look() !== null) {
      clearInterval(timer)
      onGone()
    }
  }, LOOK_INTERVAL_MS)
  const verifyNew = async () => {
    for (const table of (await liveFiles(store.location)).tables) {
      if (!verified.has(table.file) && store.look() === null) {
        verified.add(table.file)
        for (const { file, problem } of await verifyTableFile(store.location, table)) {
          isDamaged = true
          log.error(
            { event: 'store-damaged', file, problem },
            'stop the server and repair the store',
          )
        }
        await sleep(PAUSE_MS, undefined, { signal: stop.signal })
      }
    }
  }
  const verifyAll = async () => {
    while (!stop.signal.aborted) {
      // Whatever fails here is told of where the files are read or looked for.
      await verifyNew().catch(() => {})
      await sleep(TABLES_INTERVAL_MS, undefined, { signal: stop.signal }).catch(() => {})
    }
  }
  const verifying = verifyAll()
  lifecycle.add(() => {
    clearInterval(timer)
    stop.abort()
    return verifying
  })
  return () => [
    ...(store.look() === null ? [] : ["the store's files were taken away: the log says which"]),
    ...(isDamaged ? ['the store is damaged: the log says where'] : []),
  ]
}
