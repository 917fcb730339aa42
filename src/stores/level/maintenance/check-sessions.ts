import { isSealed, type Session } from '../../../core/session.js'
import type { EndingDeadline } from '../../../core/store.js'
import type { CheckEvent } from '../../../core/upkeep/care.js'
import type { CheckPorts } from '../../engine.js'
import { quoted } from '../../rows/record.js'
import { deadlineKey, indexKeys, openedKey, sealKey } from '../layout/keys.js'
import { entriesIn, entryOf, isOpened } from '../layout/opened.js'
import { storedSession } from '../layout/stored.js'
import { giveWay, type View } from '../read/view.js'

/** How many rows the records account for. */
export interface FoundRows {
  byTime: number
  byUser: number
  seals: number
  /** Entries in the lists of opened sessions. */
  opened: number
}

/** Checks and counts the rows that belong to records. */
export class SessionCheck {
  readonly found: FoundRows = { byTime: 0, byUser: 0, seals: 0, opened: 0 }
  /** How many records are marked active. */
  open = 0

  constructor(
    private readonly view: View,
    private readonly ports: Pick<CheckPorts, 'trySeal' | 'endingDeadline'>,
  ) {}

  /** Throws StoreDamagedError. */
  read(key: Buffer, record: Uint8Array): Session {
    const session = storedSession(key, record)
    this.open += session.active ? 1 : 0
    return session
  }

  async *check(sessions: readonly Session[]): AsyncGenerator<CheckEvent, void> {
    yield* this.checkIndexes(sessions)
    yield* this.checkOpened(sessions.filter(isOpened))
    yield* this.checkSeals(sessions.filter(isSealed))
    yield* this.checkEndings(
      sessions.flatMap((session) => this.ports.endingDeadline(session) ?? []),
    )
  }

  /** An ending follows from its deadline: the check of endings compares the two. */
  private async *checkEndings(
    deadlines: readonly EndingDeadline[],
  ): AsyncGenerator<CheckEvent, void> {
    const rows = await this.view.values(deadlines.map(deadlineKey))
    for (const [i, { id }] of deadlines.entries()) {
      if (rows[i] === undefined) {
        yield { problem: `session ${quoted(id)}: nobody will be told that it ended` }
      }
    }
  }

  private async *checkIndexes(sessions: readonly Session[]): AsyncGenerator<CheckEvent, void> {
    const keys = sessions.map(indexKeys)
    const byTime = await this.view.values(keys.map(([key]) => key))
    const byUser = await this.view.values(keys.map(([, key]) => key))
    for (const [i, { id }] of sessions.entries()) {
      if (byTime[i] === undefined) {
        yield { problem: `session ${quoted(id)}: it is missing in the list of all` }
      } else {
        this.found.byTime++
      }
      if (byUser[i] === undefined) {
        yield { problem: `session ${quoted(id)}: it is missing in the list of its user` }
      } else {
        this.found.byUser++
      }
    }
  }

  private async *checkOpened(sessions: readonly Session[]): AsyncGenerator<CheckEvent, void> {
    const lists = await this.view.values(
      sessions.map(({ userId, address, client }) => openedKey(userId, address, client)),
    )
    for (const [i, session] of sessions.entries()) {
      const own = entryOf(session)
      if (entriesIn(lists[i])?.some((entry) => entry.equals(own))) {
        this.found.opened++
      } else {
        const { id } = session
        yield { problem: `session ${quoted(id)}: no command will find it by its user and address` }
      }
    }
  }

  private async *checkSeals(sessions: readonly Session[]): AsyncGenerator<CheckEvent, void> {
    const seals = await this.view.values(sessions.map(({ id }) => sealKey(id)))
    for (const [i, session] of sessions.entries()) {
      const sealed = seals[i]
      const name = `session ${quoted(session.id)}`
      if (sealed === undefined) {
        yield { problem: `${name}: its sealed key is missing` }
        continue
      }
      this.found.seals++
      const verdict = this.ports.trySeal(session, sealed)
      if (!verdict.opens) {
        yield { problem: `${name}: ${verdict.reason}` }
      }
      await giveWay()
    }
  }
}
