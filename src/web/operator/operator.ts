/** The calls of operator mode. The admin token stays in this page. */
export interface Operator {
  /** Whose session it is, and how many that user has open. */
  look(sessionId: string): Promise<SessionOwner>
  /** Ends a session. Returns how many were open: 0 or 1. */
  close(sessionId: string): Promise<number>
  /** Ends every open session of a user. Returns how many. */
  closeUser(userId: string): Promise<number>
}

export interface SessionOwner {
  readonly userId: string
  readonly userName: string
  readonly openSessions: number
  /** What opened the session that was looked at. */
  readonly kind: string
  /** When it ends by itself, in Unix milliseconds; null: never, or it has ended. */
  readonly expiresAtMs: number | null
  /** Why it ended; null while it is open, or if that is not known. */
  readonly ending: { readonly reason: string; readonly by: string | null } | null
}

/** A refusal by the server, in words for the person. */
export class OperatorError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

/** What a header can carry. A person may paste anything. */
const TOKEN = /^[\x21-\x7e]+$/

/** Throws OperatorError if the server refuses the token or cannot be reached. */
export async function signIn(token: string): Promise<Operator> {
  if (!TOKEN.test(token)) {
    throw notTaken()
  }
  const ask = (action: string, body: object) => post(token, action, body)
  await ask('check', {})
  return {
    async look(sessionId) {
      const answer = await ask('look', { session_id: sessionId })
      const { user_id: userId, user_name: userName, open_sessions: openSessions } = answer
      const { kind, expires_at_ms: expiresAtMs, ending } = answer
      return {
        ...{ userId: `${userId}`, userName: `${userName}`, openSessions: Number(openSessions) },
        ...{ kind: `${kind}`, expiresAtMs: expiresAtMs === null ? null : Number(expiresAtMs) },
        ending: ending as SessionOwner['ending'],
      }
    },
    close: async (sessionId) => Number((await ask('close', { session_id: sessionId })).closed),
    closeUser: async (userId) => Number((await ask('close-user', { user_id: userId })).closed),
  }
}

async function post(token: string, action: string, body: object): Promise<Record<string, unknown>> {
  let response: Response
  try {
    response = await fetch(`/operator/${action}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  } catch {
    throw new OperatorError('UNREACHABLE', 'The server does not answer. The outcome is unknown.')
  }
  if (response.status === 405) {
    throw new OperatorError(
      'DISABLED',
      'This server has no admin token: it must be started with --admin-token-file.',
    )
  }
  if (response.status === 401) {
    throw notTaken()
  }
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) {
    const { code, message } = answer
    throw new OperatorError(`${code ?? response.status}`, `${message ?? 'The server refused.'}`)
  }
  return answer
}

/** May happen at any time: the token may have been changed on the server. */
function notTaken(): OperatorError {
  return new OperatorError(
    'CREDENTIAL_REQUIRED',
    'The server does not accept this token. Stop operating, and sign in with its current token.',
  )
}
