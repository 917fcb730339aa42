import { ownerOfText } from '../../../core/owner-text.js'
import { isSealed, type Session } from '../../../core/session.js'
import { quoted } from '../../rows/record.js'
import { type Reply, valueIn } from '../connection/reply.js'
import type { Question } from '../functions/call.js'
import type { ReadParts } from '../functions/functions.js'
import { FILLING_KEY, INFO_KEY, isOpened, SHARED_KEYS_KEY, type ShardKeys } from '../layout/keys.js'
import {
  deadlineMember,
  entryScope,
  readEntry,
  readPointer,
  readRecord,
  readSeal,
} from '../layout/values.js'
import { scan, slicesOf } from '../read/walk.js'
import { leftOver, readable } from './check-sessions.js'

/** Looks at keys of a shard from the other side: whether there is a session for what they hold. */
export class KeyCheck {
  /** Keys of no kind that a server writes. */
  strange = 0
  private readonly keys: ShardKeys

  constructor(
    private readonly store: ReadParts,
    private readonly shard: number,
  ) {
    this.keys = store.shards.keysOf(shard)
  }

  /** Ids of records that no list names go to `unlisted`. */
  async check(found: readonly string[], unlisted: (id: string) => void): Promise<string[]> {
    const problems: string[] = []
    const named = new Map<string, string[]>()
    const prefix = this.keys.prefix
    for (const key of found) {
      const [, kind = '', name = ''] = /^(\w):(.+)$/s.exec(key.slice(prefix.length)) ?? []
      const names = named.get(kind) ?? []
      names.push(kind === '' ? key : name)
      named.set(kind, names)
    }
    for (const [kind, names] of named) {
      for (const slice of slicesOf(names)) {
        problems.push(...(await this.checkKind(kind, slice, unlisted)))
      }
    }
    return problems
  }

  private async checkKind(
    kind: string,
    names: readonly string[],
    unlisted: (id: string) => void,
  ): Promise<string[]> {
    const { keys } = this
    switch (kind) {
      case 's':
        await this.findUnlisted(names, unlisted)
        return []
      case 't':
        this.strange += names.filter((name) => name !== 'open' && name !== 'ended').length
        return []
      case 'k':
        return this.checkSeals(names)
      case 'u':
        return this.checkMembers(
          names.map((name) => `${keys.prefix}u:${name}`),
          'in the list of a user',
          (session) => keys.listOfUser(session.userId, session.active),
        )
      case 'c':
        return this.checkMembers(
          names.map((name) => `${keys.prefix}c:${name}`),
          'where commands look',
          (session) =>
            isOpened(session) ? keys.opened(session.userId, session.address, session.client) : '',
        )
      case 'i':
        return (await Promise.all(names.map((userId) => this.checkEntries(userId)))).flat()
      case 'p':
        return this.checkPointers(names)
      default: {
        const plain = [
          ...[keys.deadlines, keys.endings, keys.endingOrder, keys.events, keys.lease, keys.mark],
          ...[INFO_KEY, FILLING_KEY, SHARED_KEYS_KEY],
        ]
        this.strange += names.filter((key) => !plain.includes(key)).length
        return []
      }
    }
  }

  private async findUnlisted(
    ids: readonly string[],
    unlisted: (id: string) => void,
  ): Promise<void> {
    const questions = ids.flatMap((id): Question[] => [
      { kind: 'score', key: this.keys.list(true), detail: id },
      { kind: 'score', key: this.keys.list(false), detail: id },
    ])
    const scores = await this.store.functions.look(this.shard, questions)
    for (const [i, id] of ids.entries()) {
      if (scores[2 * i] === null && scores[2 * i + 1] === null) {
        unlisted(id)
      }
    }
  }

  private async checkSeals(ids: readonly string[]): Promise<string[]> {
    const { keys } = this
    const replies = await this.store.functions.look(
      this.shard,
      ids.flatMap((id): Question[] => [
        { kind: 'record', key: keys.record(id) },
        { kind: 'value', key: keys.seal(id) },
      ]),
    )
    return ids.flatMap((id, i) => {
      const problems: string[] = []
      const seal = valueIn(replies[2 * i + 1])
      const session = this.sessionIn(id, replies[2 * i])
      if (seal !== undefined && session !== 'damaged' && !(session && isSealed(session))) {
        problems.push(leftOver('in the sealed keys', id))
        readable(() => readSeal(keys.seal(id), id, seal), problems)
      }
      return problems
    })
  }

  /** Sorted sets of ids: each must be where `keyOf` has it. */
  private async checkMembers(
    setKeys: readonly string[],
    where: string,
    keyOf: (session: Session) => string,
  ): Promise<string[]> {
    const problems: string[] = []
    for (const key of setKeys) {
      for await (const members of scan(this.store, this.shard, 'ZSCAN', key)) {
        for (const ids of slicesOf(members.map(([member]) => member.toString()))) {
          const replies = await this.store.functions.look(
            this.shard,
            ids.flatMap((id): Question[] => [
              { kind: 'record', key: this.keys.record(id) },
              { kind: 'score', key, detail: id },
            ]),
          )
          for (const [i, id] of ids.entries()) {
            const session = this.sessionIn(id, replies[2 * i])
            const isThere = replies[2 * i + 1] !== null
            const isKnown = session === 'damaged' || (session && keyOf(session) === key)
            problems.push(...(isThere && !isKnown ? [leftOver(where, id)] : []))
          }
        }
      }
    }
    return problems
  }

  private async checkEntries(userId: string): Promise<string[]> {
    const { keys, shard } = this
    const key = keys.entries(userId)
    const owner = ownerOfText(userId)
    const problems: string[] = []
    if (owner === null) {
      this.strange++
      return problems
    }
    for await (const fields of scan(this.store, shard, 'HSCAN', key)) {
      const found = fields.flatMap(([field, value]) => {
        const entry = readable(() => readEntry(key, field, value), problems)
        const scope = readable(() => entryScope(owner, field), problems)
        return entry && scope ? [{ field, value, entry, scope }] : []
      })
      for (const slice of slicesOf(found)) {
        const replies = await this.store.functions.look(
          shard,
          slice.flatMap(({ field, entry, scope }): Question[] => {
            const deadline = { kind: 'idempotency', timeMs: entry.expiresTimeMs, scope } as const
            const detail = deadlineMember(keys.deadlines, deadline)
            return [
              { kind: 'field', key, detail: field },
              { kind: 'score', key: keys.deadlines, detail },
            ]
          }),
        )
        for (const [i, { value, entry }] of slice.entries()) {
          if (valueIn(replies[2 * i])?.equals(value) && replies[2 * i + 1] === null) {
            problems.push(
              `an idempotency key of session ${quoted(entry.sessionId)}: no deadline will delete it`,
            )
          }
        }
      }
    }
    return problems
  }

  /** One without a record does no harm: it goes with the last deadline of its session. */
  private async checkPointers(ids: readonly string[]): Promise<string[]> {
    const { functions, shards } = this.store
    const asked = ids.map((id) => ({ kind: 'value', key: this.keys.pointer(id) }) as const)
    const replies = await functions.look(this.shard, asked)
    const problems: string[] = []
    for (const [i, id] of ids.entries()) {
      const stored = valueIn(replies[i])
      if (stored !== undefined) {
        readable(() => readPointer(this.keys.pointer(id), id, stored, shards.count), problems)
      }
    }
    return problems
  }

  /** 'damaged': the check of records tells of it. */
  private sessionIn(id: string, reply: Reply | undefined): Session | 'damaged' | undefined {
    const stored = valueIn(reply)
    return stored && (readable(() => readRecord(this.keys.record(id), id, stored), []) ?? 'damaged')
  }
}
