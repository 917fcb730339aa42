import { LRUCache } from 'lru-cache'
import type { SessionChange } from '../../../core/events.js'
import type { Listeners } from '../../listeners.js'
import { versionNumber } from '../layout/values.js'

const MAX_SESSIONS = 65_536

/** What listeners were told last of a session. */
interface Told {
  /** How many changes had led there. */
  readonly number: number
  readonly isDeleted: boolean
}

/**
 * Tells listeners of each state of a session once, and of no older one after it. Changes of this server come when they are
 * committed, those of other servers when they are read.
 */
export class Teller {
  private readonly told = new LRUCache<string, Told>({ max: MAX_SESSIONS })

  constructor(private readonly listeners: Listeners) {}

  /** Whether listeners know this version of a session, or a later one. */
  knows(id: string, version: Uint8Array): boolean {
    const told = this.told.get(id)
    return told !== undefined && told.number >= versionNumber(version) && !told.isDeleted
  }

  /** A change that this server committed. `version`: that of the event; empty: there is none, for the record stayed as it was. */
  own(id: string, change: SessionChange, version: Uint8Array): void {
    if (version.length === 0) {
      this.listeners.emit(change, id)
      return
    }
    const number = versionNumber(version)
    const told = this.told.get(id)
    if (change.before !== null && told !== undefined && told.number >= number) {
      return
    }
    const isNext = told?.number === number - 1
    this.tell(id, isNext || change.after === null ? change : { ...change, before: null }, number)
  }

  /** A session as another server left it; null: deleted. */
  foreign(id: string, after: SessionChange['after'], version: Uint8Array): void {
    const isNews = after === null ? this.told.get(id)?.isDeleted !== true : !this.knows(id, version)
    if (isNews) {
      this.tell(id, { before: null, after }, versionNumber(version))
    }
  }

  private tell(id: string, change: SessionChange, number: number): void {
    this.told.set(id, { number, isDeleted: change.after === null })
    this.listeners.emit(change, id)
  }
}
