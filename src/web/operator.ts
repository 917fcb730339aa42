/** Whoever has shown the server its admin token, which stays in this page alone. */
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
}

/** What the server refused, in words for the person. */
export class OperatorError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

/** As tokens are: what else a person pastes could not travel in a header. */
const TOKEN = /^[\x21-\x7e]+$/

/** Throws OperatorError where the server does not take the token, or cannot be asked. */
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
      return { userId: `${userId}`, userName: `${userName}`, openSessions: Number(openSessions) }
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
    throw new OperatorError(
      'UNREACHABLE',
      'The server does not answer. Nothing is known of the outcome.',
    )
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

/** Also in the middle: the operator of the server may have changed its token. */
function notTaken(): OperatorError {
  return new OperatorError(
    'CREDENTIAL_REQUIRED',
    'The server does not take this token. Stop operating, and begin again with the one it has now.',
  )
}
