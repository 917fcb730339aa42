import type { ExpiryRules } from '../../core/endings/expiry-rules.js'
import { MalformedError, SessiondError } from '../../core/errors.js'
import type { Session } from '../../core/session.js'
import type { SessionStore } from '../../core/store.js'
import { type Found, recordsIn } from './document.js'
import { type Element, MAX_ELEMENT_BYTES } from './element.js'
import { importedSession } from './record.js'

/** The number of sessions written at a time: they share commits. */
const IN_FLIGHT = 256

export interface ImportCounts {
  /** Imported, ended ones included. */
  readonly imported: number
  /** Imported as ended. */
  readonly ended: number
  /** Skipped: the store has their ids already. */
  readonly existing: number
  /** Not sessions, or not valid ones. */
  readonly leftOut: number
}

/** What was not imported, and why. */
export interface LeftOut {
  readonly element: number
  readonly line: number
  readonly reason: string
}

export interface ImportPorts {
  readonly store: SessionStore
  readonly rules: ExpiryRules
  readonly maxDataBytes: number
  nowMs(): number
  onLeftOut(leftOut: LeftOut): void
}

/**
 * Imports sessions into a store that nobody else writes to. It skips ids that the store has, so an import can be
 * repeated. Sessions past their deadline are imported as ended. Several open sessions of one user, address and client
 * all stay open: clients may hold any of their ids. Quotas do not apply.
 */
export class Importer {
  private readonly counts = { imported: 0, ended: 0, existing: 0, leftOut: 0 }
  /** Writes under way by session id: a duplicate in the file must wait for the first. */
  private readonly underWay = new Map<string, Promise<void>>()

  constructor(private readonly ports: ImportPorts) {}

  /** So far. */
  get soFar(): ImportCounts {
    return this.counts
  }

  async run(elements: AsyncGenerator<Element>): Promise<ImportCounts> {
    const sessions = this.sessionsIn(elements)
    const work = async () => {
      for await (const session of { [Symbol.asyncIterator]: () => sessions }) {
        await this.afterOthers(session)
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, work))
    return this.counts
  }

  /** Reads one element at a time, however many sessions it contains. */
  private async *sessionsIn(elements: AsyncIterable<Element>): AsyncGenerator<Session, void, void> {
    for await (const element of elements) {
      for (const found of this.orLeftOut(element, '', () => recordsOf(element)) ?? []) {
        const session = this.orLeftOut(element, found.path, () => this.read(found))
        if (session !== null) {
          yield session
        }
      }
    }
  }

  private read({ record }: Found): Session {
    const { nowMs, maxDataBytes } = this.ports
    if (record === undefined) {
      throw new MalformedError('session', 'is not an object')
    }
    return importedSession(record, nowMs(), maxDataBytes)
  }

  /** What `read` returns; null after reporting the fault that it found. */
  private orLeftOut<T>({ number, line }: Element, path: string, read: () => T): T | null {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof SessiondError)) {
        throw error
      }
      const reason = path === '' ? error.message : `${path}: ${error.message}`
      this.counts.leftOut++
      this.ports.onLeftOut({ element: number, line, reason })
      return null
    }
  }

  private async afterOthers(session: Session): Promise<void> {
    const before = this.underWay.get(session.id)
    const task = Promise.resolve(before).then(() => this.bringIn(session))
    this.underWay.set(session.id, task)
    await task
    if (this.underWay.get(session.id) === task) {
      this.underWay.delete(session.id)
    }
  }

  private async bringIn(read: Session): Promise<void> {
    const { store, rules } = this.ports
    if ((await store.get(read.id)) !== undefined) {
      this.counts.existing++
      return
    }
    const session = rules.asOfNow(read)
    const sweepAtMs = rules.sweepAtMs(session)
    await store.insert({ userId: session.userId, countOpenOfUser: false }, () => ({
      insert: { session, sweepAtMs },
    }))
    this.counts.imported++
    this.counts.ended += session.active ? 0 : 1
  }
}

/** Throws MalformedError, InvalidFieldError. */
function recordsOf({ bytes }: Element): Found[] {
  if (bytes === null) {
    throw new MalformedError('element', `is longer than ${MAX_ELEMENT_BYTES} bytes`)
  }
  return recordsIn(bytes)
}
