import { setTimeout as sleep } from 'node:timers/promises'
import { StoreDamagedError } from '../../core/errors.js'
import type { StoreHealth, StoreHooks } from '../engine.js'
import { type FileDamage, liveFiles, verifyTableFile } from './files/store-files.js'
import { Presence } from './presence.js'

const PRESENCE_INTERVAL_MS = 1_000
const TABLES_INTERVAL_MS = 60_000
/** Between two tables, at least. */
const PAUSE_MS = 50
/** How many times longer than verifying a table the pause after it is: that takes a few milliseconds of the event loop. */
const REST = 30

/** Checks the files of an open database: whether they are still there, and undamaged. */
export class Watch {
  private readonly presence: Presence
  private readonly files: FileVerifier
  private readonly stopping = new AbortController()
  private lost: StoreDamagedError | null = null
  private running: Promise<void> = Promise.resolve()

  /** `onLost` is called once, if the files were taken away. */
  constructor(
    location: string,
    private readonly onLost: (reason: string, error: StoreDamagedError) => void,
    { onUnseen, onDamage }: StoreHooks,
  ) {
    this.presence = new Presence(location, onUnseen)
    this.files = new FileVerifier(location, ({ file, problem }) => onDamage?.(problem, file))
  }

  /** Throws StoreDamagedError if the files were taken away: writes since then are not on disk. */
  expectFiles(): void {
    this.checkPresence()
    if (this.lost !== null) {
      throw this.lost
    }
  }

  health(): StoreHealth {
    this.checkPresence()
    return {
      isLost: this.lost !== null,
      findings: [
        ...(this.lost ? ["the store's files were taken away: the log says which"] : []),
        ...(this.files.isDamaged ? ['the store is damaged: the log says where'] : []),
      ],
    }
  }

  /** Checks every second that the files are there. Verifies each table once, and the manifest regularly. */
  start(): void {
    const timer = setInterval(() => {
      this.checkPresence(true)
      if (this.lost !== null) {
        clearInterval(timer)
      }
    }, PRESENCE_INTERVAL_MS)
    this.stopping.signal.addEventListener('abort', () => clearInterval(timer))
    this.running = this.verifyTables()
  }

  /** Stops all checks. */
  async close(): Promise<void> {
    this.stopping.abort()
    await this.running
  }

  private checkPresence(always = false): void {
    const { signal } = this.stopping
    const reason = this.lost === null && !signal.aborted ? this.presence.check(always) : null
    if (reason !== null) {
      this.lost = new StoreDamagedError(
        'the files of the session store were taken away: nothing can be written',
        new Error(reason),
      )
      this.onLost(reason, this.lost)
    }
  }

  private async verifyTables(): Promise<void> {
    const { signal } = this.stopping
    const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {})
    while (!signal.aborted) {
      let beganAtMs = performance.now()
      await this.files.verify(async () => {
        await pause(Math.max(PAUSE_MS, REST * (performance.now() - beganAtMs)))
        beganAtMs = performance.now()
        this.checkPresence()
        return !signal.aborted && this.lost === null
      })
      await pause(TABLES_INTERVAL_MS)
    }
  }
}

/** Verifies the files of an open database: each table once, since tables never change. Reports each damage once. */
export class FileVerifier {
  isDamaged = false
  /** Names of the live tables that were verified. */
  verified = new Set<string>()
  private readonly told = new Set<string>()

  constructor(
    private readonly location: string,
    private readonly onDamage: (damage: FileDamage) => void,
  ) {}

  /**
   * Calls `goesOn` after each read, before it reports anything: files that were taken away meanwhile are not damage.
   * Reports a file that cannot be read, and reads it again the next time.
   */
  async verify(goesOn: () => Promise<boolean>): Promise<void> {
    const { tables, damages } = await liveFiles(this.location).catch((error: Error) => ({
      tables: [],
      damages: [{ file: 'CURRENT', problem: error.message }],
    }))
    if (!(await goesOn())) {
      return
    }
    this.tell(damages)
    if (damages.length === 0) {
      // LevelDB makes and deletes tables all the time, and none gets the name of another one.
      const live = new Set(tables.map(({ file }) => file))
      this.verified = new Set([...this.verified].filter((file) => live.has(file)))
    }
    for (const table of tables.filter(({ file }) => !this.verified.has(file))) {
      const { isRead, found } = await verifyTableFile(this.location, table).then(
        (found) => ({ isRead: true, found }),
        (error: Error) => ({
          isRead: false,
          found: [{ file: table.file, problem: error.message }],
        }),
      )
      if (!(await goesOn())) {
        return
      }
      this.tell(found)
      if (isRead) {
        this.verified.add(table.file)
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
