import type { Ending, Session } from '../../src/core/session.js'
import type { Deadline, InsertScope, NewSession, SessionStore } from '../../src/core/store.js'

export const EPOCHS = { genesisAtMs: 0, lengthMs: 1000 }

/** A session as a command opens it. */
export function commandSession(id: string, parts: Partial<Session> = {}): Session {
  return {
    id,
    userId: 'alice',
    userName: 'Alice',
    active: true,
    openTimeMs: 1000,
    requestTimeMs: 1000,
    closeTimeMs: null,
    address: '192.0.2.1',
    client: 'browser',
    user: '{"name":"Alice"}',
    data: null,
    token: null,
    ending: null,
    ...parts,
  }
}

/** A session as Create opens it. */
export function tokenSession(id: string, parts: Partial<Session> = {}): Session {
  return commandSession(id, {
    user: null,
    token: {
      owner: Uint8Array.of(1, 2, 3),
      lifetime: { exp: 2n ** 64n - 1n, nbf: 2n ** 53n, iat: 1n },
      publicKey: new Uint8Array(32).fill(7),
    },
    ...parts,
  })
}

export function ended(
  session: Session,
  closeTimeMs = 9000,
  ending: Ending | null = { reason: 'closed', by: 'a test' },
): Session {
  return { ...session, active: false, closeTimeMs, user: null, data: null, ending }
}

/** Inserts without a question. */
export function insert(
  store: SessionStore,
  session: Session,
  more: Omit<NewSession, 'session'> = {},
  scope: Partial<InsertScope> = {},
): Promise<Session> {
  return store.insert({ userId: session.userId, countOpenOfUser: false, ...scope }, () => ({
    insert: { session, ...more },
  }))
}

/** The ids of all sessions, newest request first. */
export async function listIds(
  store: SessionStore,
  query: Partial<Parameters<SessionStore['list']>[0]> = {},
): Promise<string[]> {
  const page = await store.list({ skip: 0, take: 1000, total: false, ...query })
  return page.sessions.map(({ id }) => id)
}

export function sessionDeadline(timeMs: number, id: string): Deadline & { kind: 'session' } {
  return { kind: 'session', timeMs, id }
}
