import { StoreDamagedError } from '../../../core/errors.js'
import { isSealed, type Session } from '../../../core/session.js'
import type { CheckPorts } from '../../engine.js'
import { quoted } from '../../rows/record.js'
import { type Reply, valueIn, wholeNumberOf } from '../connection/reply.js'
import type { Question } from '../functions/call.js'
import type { ReadParts } from '../functions/functions.js'
import { isOpened, newestFirst, type ShardKeys } from '../layout/keys.js'
import { deadlineMember, readPointer, readRecord, readSeal } from '../layout/values.js'

/** How often a session is looked at that changes between two looks. */
const MAX_LOOKS = 5

export interface CheckedSessions {
  readonly problems: readonly string[]
  /** Without a deadline at the time at which the sweep is due for them; another one may do. */
  readonly unsure: readonly { readonly session: Session; readonly timeMs: number }[]
}

/** Compares records with everything that is derived from them, all of one moment: servers may write meanwhile. */
export class SessionCheck {
  private readonly keys: ShardKeys

  constructor(
    private readonly store: ReadParts,
    private readonly shard: number,
    private readonly ports: Pick<CheckPorts, 'dueAtMs' | 'trySeal' | 'endingDeadline'>,
  ) {
    this.keys = store.shards.keysOf(shard)
  }

  async check(all: readonly string[]): Promise<CheckedSessions> {
    const problems: string[] = []
    const unsure: { session: Session; timeMs: number }[] = []
    let ids = all
    for (let looks = 0; ids.length > 0 && looks < MAX_LOOKS; looks++) {
      const known = await this.readRecords(ids, problems)
      const replies = await this.look(known.map(({ session }) => this.questionsOn(session)))
      ids = known.flatMap(({ session, stored }, i) => {
        const facts = replies[i] as readonly Reply[]
        if (!valueIn(facts[0])?.equals(stored)) {
          return [session.id]
        }
        problems.push(...this.problemsOf(session, facts))
        const timeMs = this.ports.dueAtMs(session)
        if (Number.isSafeInteger(timeMs) && facts[DEADLINE] === null) {
          unsure.push({ session, timeMs })
        }
        return []
      })
      problems.push(...(await this.pointerProblems(known.map(({ session }) => session.id))))
    }
    return { problems: [...new Set(problems)], unsure }
  }

  /** The records that can be read. One that is not there must not be listed. */
  private async readRecords(ids: readonly string[], problems: string[]) {
    const replies = await this.look(
      ids.map((id) => [
        { kind: 'record', key: this.keys.record(id) },
        ...[true, false].map((active) => score(this.keys.list(active), id)),
      ]),
    )
    const known: { session: Session; stored: Buffer }[] = []
    for (const [i, id] of ids.entries()) {
      const [record, open, ended] = replies[i] as readonly Reply[]
      const stored = valueIn(record)
      if (stored !== undefined) {
        const session = readable(() => this.readRecord(id, stored), problems)
        known.push(...(session ? [{ session, stored }] : []))
      } else if (open !== null || ended !== null) {
        problems.push(leftOver('in the list of all', id))
      }
    }
    return known
  }

  private readRecord(id: string, stored: Buffer): Session {
    const session = readRecord(this.keys.record(id), id, stored)
    if (this.store.shards.ofUser(session.userId) !== this.shard) {
      throw new StoreDamagedError(
        `session ${quoted(id)}: its record is not in the shard of its user`,
      )
    }
    return session
  }

  /** In the order of what `problemsOf` takes. */
  private questionsOn(session: Session): Question[] {
    const { keys } = this
    const { id, userId, address, client } = session
    const timeMs = this.ports.dueAtMs(session)
    const due = { kind: 'session', timeMs: Number.isSafeInteger(timeMs) ? timeMs : 0, id } as const
    const ending = this.ports.endingDeadline(session) ?? due
    return [
      { kind: 'record', key: keys.record(id) },
      { kind: 'value', key: keys.seal(id) },
      score(keys.list(session.active), id),
      score(keys.list(!session.active), id),
      score(keys.listOfUser(userId, session.active), id),
      score(keys.listOfUser(userId, !session.active), id),
      score(keys.opened(userId, address, client), id),
      score(keys.deadlines, deadlineMember(keys.deadlines, due)),
      score(keys.deadlines, deadlineMember(keys.deadlines, ending)),
    ]
  }

  private problemsOf(session: Session, facts: readonly Reply[]): string[] {
    const [, seal, inAll, wrongInAll, ofUser, wrongOfUser, opened, , ending] = facts
    const { id } = session
    const name = `session ${quoted(id)}`
    const at = newestFirst(session.requestTimeMs)
    const wanted = isOpened(session) ? newestFirst(session.openTimeMs) : null
    const problems = [
      isAt(inAll, at) || `${name}: it is missing in the list of all`,
      isAt(wrongInAll, null) || leftOver('in the list of all', id),
      isAt(ofUser, at) || `${name}: it is missing in the list of its user`,
      isAt(wrongOfUser, null) || leftOver('in the list of a user', id),
      isAt(opened, wanted) ||
        (wanted === null
          ? leftOver('where commands look', id)
          : `${name}: no command will find it by its user and address`),
      this.sealProblem(session, valueIn(seal)) ?? true,
      this.ports.endingDeadline(session) === null ||
        ending !== null ||
        `${name}: nobody will be told that it ended`,
    ]
    return problems.filter((problem) => problem !== true) as string[]
  }

  private sealProblem(session: Session, stored: Buffer | undefined): string | null {
    const { id } = session
    const name = `session ${quoted(id)}`
    if (!isSealed(session)) {
      return stored === undefined ? null : leftOver('in the sealed keys', id)
    }
    if (stored === undefined) {
      return `${name}: its sealed key is missing`
    }
    const problems: string[] = []
    const sealed = readable(() => readSeal(this.keys.seal(id), id, stored), problems)
    const verdict = sealed && this.ports.trySeal(session, sealed)
    return problems[0] ?? (verdict?.opens === false ? `${name}: ${verdict.reason}` : null)
  }

  private async pointerProblems(ids: readonly string[]): Promise<string[]> {
    const { shards, functions } = this.store
    const pointed = ids.filter((id) => shards.namedBy(id) !== this.shard)
    const problems = await Promise.all(
      pointed.map(async (id) => {
        const at = shards.ofPointer(id)
        const key = shards.keysOf(at).pointer(id)
        const [reply] = await functions.look(at, [{ kind: 'value', key }])
        const stored = valueIn(reply)
        const found: string[] = []
        const shard = stored && readable(() => readPointer(key, id, stored, shards.count), found)
        return shard === this.shard || found.length > 0
          ? found
          : [`session ${quoted(id)}: no call will find it by its ID`]
      }),
    )
    return problems.flat()
  }

  /** The answers to the questions on each session. */
  private async look(asked: readonly (readonly Question[])[]): Promise<(readonly Reply[])[]> {
    const replies = await this.store.functions.look(this.shard, asked.flat())
    let from = 0
    return asked.map(({ length }) => {
      from += length
      return replies.slice(from - length, from)
    })
  }
}

/** Where `questionsOn` asks for the deadline. */
const DEADLINE = 7

function score(key: string, member: Buffer | string): Question {
  return { kind: 'score', key, detail: member }
}

/** Whether a list has its member at this score; null: not at all. */
function isAt(reply: Reply | undefined, wanted: string | null): boolean {
  return wanted === null
    ? reply === null
    : reply !== null && wholeNumberOf(reply) === Number(wanted)
}

export function leftOver(where: string, id: string): string {
  return `left over ${where}: a row of session ${quoted(id)}`
}

/** What `read` returns; undefined where it throws StoreDamagedError, which goes to the problems. */
export function readable<T>(read: () => T, problems: string[]): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof StoreDamagedError)) {
      throw error
    }
    problems.push(error.message)
    return undefined
  }
}
