import { setTimeout as sleep } from 'node:timers/promises'
import type { Lifecycle } from '../net/lifecycle.js'
import type { Logger } from '../observability/log.js'
import { type FileDamage, liveFiles, verifyTableFile } from '../stores/level/files/store-files.js'
import type { LevelStore } from '../stores/level/store.js'

const LOOK_INTERVAL_MS = 1_000
const TABLES_INTERVAL_MS = 60_000
/** Between two tables: verifying one takes a few milliseconds of the event loop. */
const PAUSE_MS = 50

/**
 * Looks every second whether the store's files are still there, which calls `onGone` where they are not, and verifies each
 * table once, and the manifest. Returns what an operator should look at, a line each.
 */
export function watchStore(
  store: LevelStore,
  onGone: () => void,
  log: Logger,
  lifecycle: Lifecycle,
): () => readonly string[] {
  const stop = new AbortController()
  const files = new FileWatch(store.location, (damage) =>
    log.error({ event: 'store-damaged', ...damage }, 'stop the server and repair the store'),
  )
  const timer = setInterval(() => {
    if (store.look(true) !== null) {
      clearInterval(timer)
      onGone()
    }
  }, LOOK_INTERVAL_MS)
  const verifyAll = async () => {
    while (!stop.signal.aborted) {
      await files.verify(async () => {
        await sleep(PAUSE_MS, undefined, { signal: stop.signal }).catch(() => {})
        return !stop.signal.aborted && store.look() === null
      })
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
    ...(files.isDamaged ? ['the store is damaged: the log says where'] : []),
  ]
}

/** Verifies the files of a database that is served: a table once, since it never changes. Tells of each damage once. */
export class FileWatch {
  isDamaged = false
  private readonly verified = new Set<string>()
  private readonly told = new Set<string>()

  constructor(
    private readonly location: string,
    private readonly onDamage: (damage: FileDamage) => void,
  ) {}

  /** Asks `goesOn` before each table. A file that cannot be read is told of, and read again the next time. */
  async verify(goesOn: () => Promise<boolean>): Promise<void> {
    const live = await liveFiles(this.location).catch((error: Error) => {
      this.tell([{ file: 'CURRENT', problem: error.message }])
      return null
    })
    if (live === null || !(await goesOn())) {
      return // What was taken away meanwhile is no damage.
    }
    this.tell(live.damages)
    for (const table of live.tables.filter(({ file }) => !this.verified.has(file))) {
      try {
        const damages = await verifyTableFile(this.location, table)
        if (!(await goesOn())) {
          return
        }
        this.tell(damages)
        this.verified.add(table.file)
      } catch (error) {
        this.tell([{ file: table.file, problem: (error as Error).message }])
      }
    }
  }

  private tell(damages: readonly FileDamage[]): void {
    for (const damage of damages) {
      const line = `${damage.file}: ${damage.problem}`
      if (!this.told.has(line)) {
        this.told.add(line)
        this.isDamaged = true
        this.onDamage(damage)
      }
    }
  }
}
