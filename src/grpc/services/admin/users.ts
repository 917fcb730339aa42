import { hex } from '@scure/base'
import {
  EraseUserRequest,
  EraseUserResponse,
  ExportUserRequest,
  ExportUserResponse,
} from '#generated/sessiond/v1/admin'
import { oneLineJson } from '../../../core/commands/json-text.js'
import { sessionV1Members } from '../../../core/commands/session-v1.js'
import type { Session, Token } from '../../../core/session.js'
import { Slots } from '../../../core/slots.js'
import type { WalkedEntry } from '../../../core/store.js'
import type { ErasedCounts, SubjectRecord } from '../../../core/upkeep/subject.js'
import { type Methods, stream, unary } from '../../pipeline/method.js'

export interface AdminUsersPorts {
  exportSubject(userId: string): AsyncIterable<SubjectRecord>
  countSubject(userId: string): Promise<ErasedCounts>
  eraseSubject(userId: string): Promise<ErasedCounts>
}

/** Exports or deletes everything that is stored about one user. */
export function usersMethods({
  exportSubject,
  countSubject,
  eraseSubject,
}: AdminUsersPorts): Methods {
  // An erasure walks all deadlines and compacts the store.
  const erasures = new Slots(1)
  return {
    ExportUser: stream({
      request: ExportUserRequest,
      response: ExportUserResponse,
      audit: 'export',
      async *handle({ userId }, call) {
        let records = 0
        call.note({ userId, records })
        for await (const record of exportSubject(userId)) {
          call.note({ records: ++records })
          yield { json: recordJson(record) }
        }
      },
    }),
    EraseUser: unary({
      request: EraseUserRequest,
      response: EraseUserResponse,
      audit: 'erase',
      async handle({ userId, dryRun }, call) {
        call.note({ userId, ...(dryRun && { dryRun }) })
        const { sessions, idempotencyKeys } = await erasures.run(() => {
          // It waited for its turn and has not begun.
          call.signal.throwIfAborted()
          return dryRun ? countSubject(userId) : eraseSubject(userId)
        })
        call.note({ sessions, idempotencyKeys })
        return { sessions: BigInt(sessions), idempotencyKeys: BigInt(idempotencyKeys) }
      },
    }),
  }
}

/** One line of JSON. */
function recordJson(record: SubjectRecord): string {
  return record.kind === 'session' ? sessionJson(record.session) : entryJson(record.entry)
}

function sessionJson(session: Session): string {
  const [user, data] = [oneLineJson(session.user), oneLineJson(session.data)]
  const token = JSON.stringify(session.token && tokenFacts(session.token))
  const ending = JSON.stringify(session.ending)
  return `{"kind":"session",${sessionV1Members(session)},"ending":${ending},"token":${token},"user":${user},"data":${data}}`
}

function tokenFacts({ owner, lifetime, publicKey, isBound }: Token): object {
  const { exp, nbf, iat } = lifetime
  return {
    owner: hex.encode(owner),
    // As strings, because many JSON parsers lose precision beyond 53 bits.
    lifetime: { exp: `${exp}`, nbf: `${nbf}`, iat: `${iat}` },
    public_key: hex.encode(publicKey),
    is_bound: isBound ?? false,
  }
}

function entryJson({ scope, sessionId, expiresTimeMs }: WalkedEntry): string {
  return JSON.stringify({
    kind: 'idempotency_key',
    key: scope.key,
    owner: hex.encode(scope.owner),
    signer: hex.encode(scope.signer),
    session_id: sessionId,
    expire_time: timeText(expiresTimeMs),
  })
}

/** A lifetime without end has a time beyond the range of Date: that stays a number. */
function timeText(ms: number): string | number {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? ms : date.toISOString()
}
