import { StoreDamagedError } from '../../../core/errors.js'
import type { Session } from '../../../core/session.js'
import type { InsertScope, Seen } from '../../../core/store.js'
import type { StoredEntry } from '../../rows/codec.js'
import { quoted } from '../../rows/record.js'
import { bytesOf, itemsOf, type Reply, valueIn, wholeNumberOf } from '../connection/reply.js'
import type { Expectation, Question, Write } from '../functions/call.js'
import { isOpened, type ShardKeys } from '../layout/keys.js'
import { entryField, readEntry, readRecord } from '../layout/values.js'
import type { StoreParts } from '../parts.js'
import { type Found, foundIn, openedIn } from '../read/lookup.js'
import { recordAs } from './commit.js'

/** What an insert is shown. */
export interface View {
  /** Read for this insert; otherwise what this server saw last, or what is likely. */
  readonly isCurrent: boolean
  readonly openOfUser: number
  readonly entry: FoundEntry | undefined
  readonly opened: Found | undefined
  /** The last one of the list first. */
  readonly oldest: readonly Found[] | undefined
}

interface FoundEntry {
  readonly stored: Buffer
  readonly entry: StoredEntry
  readonly found: Found | undefined
}

/** The scope of an insert, as questions to the shard of its user. */
export class Scope {
  readonly shard: number
  readonly keys: ShardKeys
  private readonly count: Question | undefined
  private readonly entry: (Question & { readonly detail: Buffer }) | undefined
  private readonly opened: Question | undefined
  private readonly oldest: Question | undefined

  constructor(
    private readonly parts: StoreParts,
    private readonly scope: InsertScope,
  ) {
    const { userId, countOpenOfUser, idempotency, reuse, oldest = 0 } = scope
    this.shard = parts.shards.ofUser(userId)
    this.keys = parts.shards.keysOf(this.shard)
    const { keys } = this
    if (countOpenOfUser) {
      this.count = { kind: 'count', key: keys.listOfUser(userId, true) }
    }
    if (idempotency !== undefined) {
      const field = entryField(idempotency.signer, idempotency.key)
      this.entry = { kind: 'field', key: keys.entries(userId), detail: field }
    }
    if (reuse !== undefined) {
      const key = keys.opened(userId, reuse.address, reuse.client)
      this.opened = { kind: 'first', key, detail: keys.records }
    }
    if (oldest > 0) {
      const key = keys.listOfUser(userId, true)
      this.oldest = { kind: 'last', key, detail: `${oldest} ${keys.records}` }
    }
  }

  /** Whether the insert is to see nothing of its user. */
  get isBlind(): boolean {
    return this.questions.length === 0
  }

  /** What this server saw last; of what it does not know, what is most likely. undefined if a read is better. */
  guess(): View | undefined {
    if (this.oldest !== undefined) {
      return undefined
    }
    const { known } = this.parts
    const guessed = {
      isCurrent: this.isBlind,
      openOfUser: this.count ? known.openOfUser(this.scope.userId) : 0,
      entry: undefined,
      oldest: undefined,
    }
    const id = this.opened && known.openedAt(this.opened.key)
    if (id === undefined) {
      return { ...guessed, opened: undefined }
    }
    const record = known.record(id)
    return record && { ...guessed, opened: this.decoded(id, record.stored) }
  }

  async read(): Promise<View> {
    return this.viewOf(await this.parts.functions.look(this.shard, this.questions))
  }

  /** What the answers to the questions, in their order, show. */
  async viewOf(answers: readonly Reply[]): Promise<View> {
    const { userId } = this.scope
    const next = answers[Symbol.iterator]()
    const answer = (question: Question | undefined) => question && next.next().value
    const count = answer(this.count)
    const entry = answer(this.entry)
    const first = answer(this.opened)
    const last = answer(this.oldest)
    const openOfUser = this.count ? wholeNumberOf(count) : 0
    if (this.count !== undefined) {
      this.parts.known.countedOpen(userId, openOfUser)
    }
    const opened =
      this.scope.reuse && openedIn(this.parts, this.shard, { userId, ...this.scope.reuse }, first)
    if (this.opened !== undefined) {
      this.parts.known.foundOpened(this.opened.key, opened?.session.id)
    }
    return {
      isCurrent: true,
      openOfUser,
      entry: this.entry && (await this.entryOf(valueIn(entry))),
      opened,
      oldest: this.oldest && this.oldestIn(itemsOf(last)),
    }
  }

  seen({ openOfUser, entry, opened, oldest }: View): Seen {
    const { counts } = this.parts
    return {
      openOfUser,
      // To know it, every shard is asked once a second: only where a quota wants it.
      get openInAll() {
        return counts.lastSeen
      },
      ...(entry && {
        idempotency: {
          bodySha256: entry.entry.bodySha256,
          sessionId: entry.entry.sessionId,
          ...(entry.found && { session: entry.found.session }),
        },
      }),
      ...(opened && { reusable: opened.session }),
      ...(oldest && { oldest: oldest.map(({ session }) => session) }),
    }
  }

  /** That everything is as the view shows it: first the questions, then the records that it shows. */
  expectations({ openOfUser, entry, opened, oldest = [] }: View): Expectation[] {
    const { count, entry: field, opened: first, oldest: last } = this
    const records = [entry?.found, opened, ...oldest].flatMap((found) => (found ? [found] : []))
    return [
      ...(count ? [{ ...count, brief: `${openOfUser}` }] : []),
      ...(field ? [{ ...field, brief: entry?.stored ?? '' }] : []),
      ...(first ? [{ ...first, brief: opened?.session.id ?? '' }] : []),
      ...(last ? [{ ...last, brief: oldest.map(({ session }) => session.id).join(' ') }] : []),
      ...records.map((found) => recordAs(this.parts, found)),
    ]
  }

  /** An insert that relied on this view has opened the session. */
  inserted(view: View, session: Session, ends: number): void {
    const { known } = this.parts
    if (this.count !== undefined) {
      known.countedOpen(this.scope.userId, view.openOfUser - ends + Number(session.active))
    }
    if (this.opened !== undefined && view.opened === undefined && isOpened(session)) {
      known.foundOpened(this.opened.key, session.id)
    }
  }

  /** Deletes the entry of the idempotency key. */
  withoutEntry(): Write {
    const { key, detail } = this.entry as Question & { readonly detail: Buffer }
    return ['HDEL', key, detail]
  }

  private get questions(): Question[] {
    return [this.count, this.entry, this.opened, this.oldest].filter(
      (question) => question !== undefined,
    )
  }

  private oldestIn(rows: readonly Reply[]): Found[] {
    const found: Found[] = []
    for (let i = 0; i < rows.length; i += 2) {
      const id = bytesOf(rows[i]).toString()
      const session = foundIn(this.parts, this.shard, id, rows[i + 1])
      if (session === undefined) {
        throw new StoreDamagedError(`a list names session ${quoted(id)}, which has no record`)
      }
      found.push(session)
    }
    return found
  }

  private async entryOf(stored: Buffer | undefined): Promise<FoundEntry | undefined> {
    if (stored === undefined || this.entry === undefined) {
      return undefined
    }
    const entry = readEntry(this.entry.key, this.entry.detail, stored)
    const key = this.keys.record(entry.sessionId)
    const [record] = await this.parts.functions.look(this.shard, [{ kind: 'record', key }])
    const found = foundIn(this.parts, this.shard, entry.sessionId, record)
    return { stored, entry, found }
  }

  private decoded(id: string, stored: Buffer): Found {
    const session = readRecord(this.keys.record(id), id, stored)
    return { session, shard: this.shard, stored }
  }
}
