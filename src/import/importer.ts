import { type Deadlines, ended } from '../core/deadlines.js'
import { SessiondError } from '../core/errors.js'
import type { Session } from '../core/session.js'
import type { NewSession, SessionStore } from '../core/store.js'
import { type Element, MAX_ELEMENT_BYTES } from './array.js'
import { readRecord } from './record.js'

/** How many sessions are on their way to the store at once: they share its commits. */
const IN_FLIGHT = 256

export interface ImportCounts {
  /** Brought in, those that have ended included. */
  readonly imported: number
  /** Brought in as ended, or ended by a newer one of the same user, address and client. */
  readonly ended: number
  /** Left as they are, for the store has their ids. */
  readonly existing: number
  /** No sessions, or none that the store may hold. */
  readonly leftOut: number
}

/** What was not brought in, and why. */
export interface LeftOut {
  readonly element: number
  readonly line: number
  readonly reason: string
}

export interface ImportPorts {
  readonly store: SessionStore
  readonly deadlines: Deadlines
  readonly maxDataBytes: number
  nowMs(): number
  onLeftOut(leftOut: LeftOut): void
}

/** Thrown to itself: this open session must end before a newer one takes its place. */
class Superseded extends Error {
  constructor(readonly id: string) {
    super(id)
  }
}

/**
 * Brings sessions into a store that nobody else writes to. What has an id that the store knows is left
 * alone, so an import can be repeated. Sessions past their deadline come in as ended; of open ones of
 * one user, address and client the one that was opened last stays open. Quotas do not count here.
 */
export class Importer {
  private readonly counts = { imported: 0, ended: 0, existing: 0, leftOut: 0 }
  /** By session id: what stands twice in a file must not be written at once. */
  private readonly underWay = new Map<string, Promise<void>>()

  constructor(private readonly ports: ImportPorts) {}

  /** So far. */
  get soFar(): ImportCounts {
    return this.counts
  }

  async run(elements: AsyncGenerator<Element>): Promise<ImportCounts> {
    const work = async () => {
      for await (const element of { [Symbol.asyncIterator]: () => elements }) {
        const session = this.read(element)
        if (session !== null) {
          await this.afterOthers(session)
        }
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, work))
    return this.counts
  }

  private read({ number, line, bytes }: Element): Session | null {
    const { nowMs, maxDataBytes, onLeftOut } = this.ports
    let reason = `is longer than ${MAX_ELEMENT_BYTES} bytes`
    try {
      if (bytes !== null) {
        return readRecord(bytes, nowMs(), maxDataBytes)
      }
    } catch (error) {
      if (!(error instanceof SessiondError)) {
        throw error
      }
      reason = error.message
    }
    this.counts.leftOut++
    onLeftOut({ element: number, line, reason })
    return null
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
    const { store, deadlines } = this.ports
    if ((await store.get(read.id)) !== undefined) {
      this.counts.existing++
      return
    }
    const session = deadlines.asOfNow(read)
    for (;;) {
      try {
        const inserted = await this.insert(session)
        this.counts.imported++
        this.counts.ended += inserted.active ? 0 : 1
        return
      } catch (error) {
        if (!(error instanceof Superseded)) {
          throw error
        }
        await this.end(error.id)
      }
    }
  }

  private insert(session: Session): Promise<Session> {
    const { store, deadlines, nowMs } = this.ports
    const { userId, address, client, active } = session
    const scope = { userId, countOpenOfUser: false, ...(active && { reuse: { address, client } }) }
    return store.insert(scope, ({ reusable }) => {
      if (reusable === undefined) {
        return { insert: this.withDeadline(session) }
      }
      const isOpen = deadlines.asOfNow(reusable).active
      if (!isOpen || reusable.openTimeMs < session.openTimeMs) {
        throw new Superseded(reusable.id)
      }
      return { insert: this.withDeadline(ended(session, nowMs())) }
    })
  }

  private async end(id: string): Promise<void> {
    const { store, deadlines, nowMs } = this.ports
    let isEnded = false
    // The store may run it more than once, so it must not count.
    await store.update(id, (current) => {
      isEnded = current.active
      return current.active
        ? deadlines.end(current, deadlines.asOfNow(current).closeTimeMs ?? nowMs())
        : null
    })
    this.counts.ended += isEnded ? 1 : 0
  }

  private withDeadline(session: Session): NewSession {
    return { session, dueTimeMs: this.ports.deadlines.lookMs(session) }
  }
}
