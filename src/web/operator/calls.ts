import {
  type Fields,
  type FoundSession,
  readFound,
  readShown,
  type ShownSession,
} from './sessions.js'

/** What a server is asked to find. Empty: no condition. */
export interface Search {
  /** Part of an id, a name, an address or a client. */
  readonly text: string
  readonly user: string
  readonly address: string
  readonly client: string
  readonly state: 'open' | 'ended' | 'all'
  readonly kind: 'any' | 'token' | 'command'
  readonly sort: 'request' | 'opened' | 'ended'
  readonly order: 'desc' | 'asc'
}

/** One answer of a search. */
export interface FoundPage {
  readonly sessions: readonly FoundSession[]
  /** null: no further session matches. */
  readonly next: string | null
  /** Whether the search ended at the server's limit of work. */
  readonly stopped: boolean
  readonly lookedAt: number
  /** Every session whose last request is later was looked at; null: none was. */
  readonly reachedAtMs: number | null
  /** How many match; null: that is not known. */
  readonly total: number | null
}

/** What became of one session of a `close` or `delete`. */
export interface Outcome {
  readonly id: string
  readonly outcome: 'closed' | 'had_ended' | 'deleted' | 'not_found' | 'failed'
  /** Of a deleted one. */
  readonly wasOpen: boolean
  /** Of a failure. */
  readonly message: string
}

/** The calls of operator mode. They throw OperatorError. The admin token stays in this page. */
export interface Operator {
  search(search: Search, cursor: string | null, signal: AbortSignal): Promise<FoundPage>
  /** null: there is no such session. */
  show(sessionId: string): Promise<ShownSession | null>
  /** Closes or deletes at most 100 sessions, or says what that would do. */
  end(what: 'close' | 'delete', ids: readonly string[], isTrial: boolean): Promise<Outcome[]>
  /** How many sessions a user has open. */
  countOpen(userId: string): Promise<number>
  /** Closes some open sessions of a user. */
  closeUser(userId: string): Promise<{ readonly closed: number; readonly isDone: boolean }>
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
/** Sessions that one call of `close-user` closes, so that a person sees it go on. */
const CLOSED_AT_ONCE = 200

/** `token`: null where a client certificate is the credential. Throws OperatorError. */
export async function signIn(token: string | null): Promise<Operator> {
  if (token !== null && !TOKEN.test(token)) {
    throw notTaken()
  }
  const ask = (action: string, body: object, signal?: AbortSignal) =>
    post(token, action, body, signal)
  await ask('check', {})
  return {
    search: async (search, cursor, signal) =>
      readPage(await ask('search', { ...conditions(search), ...(cursor && { cursor }) }, signal)),
    async show(sessionId) {
      try {
        return readShown(await ask('show', { session_id: sessionId }))
      } catch (error) {
        if (error instanceof OperatorError && error.code === 'NOT_FOUND') {
          return null
        }
        throw error
      }
    },
    async end(what, ids, isTrial) {
      const { outcomes } = await ask(what, { session_ids: ids, dry_run: isTrial })
      return (outcomes as Fields[]).map(readOutcome)
    },
    async countOpen(userId) {
      const answer = await ask('close-user', { user_id: userId, dry_run: true })
      return Number(answer.open_sessions)
    },
    async closeUser(userId) {
      const answer = await ask('close-user', { user_id: userId, limit: CLOSED_AT_ONCE })
      return { closed: Number(answer.closed), isDone: answer.is_done !== false }
    },
  }
}

/** The server refuses empty conditions, for they would find nothing. */
function conditions({ kind, ...search }: Search): object {
  const given = Object.entries(search).filter(([, value]) => value !== '')
  return { ...Object.fromEntries(given), ...(kind !== 'any' && { kind }) }
}

function readPage(answer: Fields): FoundPage {
  const { next, reached_at_ms: reachedAtMs, total } = answer
  return {
    sessions: (answer.sessions as Fields[]).map(readFound),
    next: next == null ? null : `${next}`,
    stopped: answer.stopped === true,
    lookedAt: Number(answer.looked_at),
    reachedAtMs: reachedAtMs == null ? null : Number(reachedAtMs),
    total: total == null ? null : Number(total),
  }
}

function readOutcome(fields: Fields): Outcome {
  return {
    id: `${fields.session_id}`,
    outcome: fields.outcome as Outcome['outcome'],
    wasOpen: fields.was_open === true,
    message: `${fields.message ?? ''}`,
  }
}

async function post(
  token: string | null,
  action: string,
  body: object,
  signal?: AbortSignal,
): Promise<Fields> {
  let response: Response
  try {
    response = await fetch(`operator/${action}`, {
      method: 'POST',
      headers: {
        ...(token !== null && { Authorization: `Bearer ${token}` }),
        'Content-Type': 'application/json',
      },
      body: JSON.stringify(body),
      ...(signal && { signal }),
    })
  } catch {
    throw new OperatorError('UNREACHABLE', 'The server did not answer.')
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
  const answer = (await response.json().catch(() => ({}))) as Fields
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
