import type { Session } from '../../core/session.js'
import type { InsertScope, Seen } from '../../core/store.js'
import { decodeAnswer, decodeSession } from './codec.js'
import type { Counts } from './counts.js'
import type { ByteLevel } from './database.js'
import { answerKey, sessionKey } from './keys.js'
import type { Reading } from './scan.js'

export function readSession(level: ByteLevel, id: string, at: Reading = {}): Session | undefined {
  const bytes = level.getSync(sessionKey(id), at)
  return bytes && decodeSession(bytes)
}

/** What an insert is shown, but for the count of all. The caller holds the locks of what it sees. */
export async function look(
  level: ByteLevel,
  counts: Counts,
  { userId, idempotency, countOpenOfUser }: InsertScope,
  reusableId: string | undefined,
): Promise<Omit<Seen, 'openInAll'>> {
  const openOfUser = countOpenOfUser ? await counts.ofUser(level, userId) : 0
  const bytes = idempotency && level.getSync(answerKey(idempotency))
  const answer = bytes && decodeAnswer(bytes)
  const session = answer && readSession(level, answer.sessionId)
  const reusable = reusableId === undefined ? undefined : readSession(level, reusableId)
  return {
    openOfUser,
    ...(answer && {
      answered: {
        bodySha256: answer.bodySha256,
        sessionId: answer.sessionId,
        ...(session && { session }),
      },
    }),
    ...(reusable && { reusable }),
  }
}
