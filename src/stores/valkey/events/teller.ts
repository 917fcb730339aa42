import type { SessionChange } from '../../../core/events.js'
import type { Listeners } from '../../listeners.js'
import { NO_VERSION, versionNumber } from '../layout/values.js'
import { newest } from '../newest.js'

const MAX_SESSIONS = 65_536

/**
 * Tells listeners of each state of a session once, and of no older one after it. Changes of this server come when they are
 * committed, those of other servers when they are read.
 */
export class Teller {
  /** The versions that were told last. */
  private readonly told = newest<Buffer>(MAX_SESSIONS)

  constructor(private readonly listeners: Listeners) {}

  /** The number of the version that listeners know; 0: of none. */
  lastTold(id: string): number {
    return versionNumber(this.told.get(id) ?? NO_VERSION)
  }

  /**
   * Whether listeners know this version of a session, or a later one. Another version of the same number is news: the one
   * that was told went with a master that nobody had confirmed it to.
   */
  knows(id: string, version: Uint8Array): boolean {
    const told = this.told.get(id) ?? NO_VERSION
    const [last, number] = [versionNumber(told), versionNumber(version)]
    return last > number || (last === number && told.equals(version))
  }

  /** A change that this server committed. `version`: that of the event; empty: there is none, for the record stayed as it was. */
  own(id: string, change: SessionChange, version: Uint8Array): void {
    if (version.length === 0) {
      this.listeners.emit(change, id)
    } else if (!this.knows(id, version)) {
      const isNext = this.lastTold(id) === versionNumber(version) - 1
      this.tell(id, isNext || change.after === null ? change : { ...change, before: null }, version)
    }
  }

  /** A session as another server left it; null: deleted. */
  foreign(id: string, after: SessionChange['after'], version: Uint8Array): void {
    if (!this.knows(id, version)) {
      this.tell(id, { before: null, after }, version)
    }
  }

  /** What was told may be later than what is there now. */
  forget(): void {
    this.told.clear()
  }

  private tell(id: string, change: SessionChange, version: Uint8Array): void {
    // A copy: it may be a slice of all that the engine sent.
    this.told.set(id, Buffer.from(version))
    this.listeners.emit(change, id)
  }
}
