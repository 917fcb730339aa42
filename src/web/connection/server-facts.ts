/** What the server says of itself, before anybody signs in. */
export interface Access {
  readonly feedToken: boolean
  readonly adminToken: boolean
  readonly clientCertificates: boolean
}

/** The server's own last hour. Instants are Unix milliseconds. */
export interface ServerHistory {
  readonly nowAtMs: number
  /** Open sessions, of which the list may leave out some. */
  readonly openSessions: number
  readonly maxListed: number
  readonly minutes: readonly Minute[]
}

export interface Minute {
  readonly fromAtMs: number
  readonly opened: number
  readonly ended: number
  /** Open at its end. */
  readonly open: number
}

/** null: the server does not answer. */
export async function fetchAccess(): Promise<Access | null> {
  const answer = await ask('session-list/access', null)
  return typeof answer !== 'object'
    ? null
    : {
        feedToken: answer.feed_token === true,
        adminToken: answer.admin_token === true,
        clientCertificates: answer.client_certificates === true,
      }
}

/** `refused`: the server wants another token. null: it does not answer. */
export async function fetchHistory(
  token: string | null,
): Promise<ServerHistory | 'refused' | null> {
  const answer = await ask('session-list/history', token)
  if (typeof answer !== 'object') {
    return answer === 401 ? 'refused' : null
  }
  const minutes = answer.minutes as Record<string, number>[]
  return {
    nowAtMs: Number(answer.now_at_ms),
    openSessions: Number(answer.open_sessions),
    maxListed: Number(answer.max_listed),
    minutes: minutes.map(({ from_at_ms: fromAtMs, opened, ended, open }) => ({
      ...{ fromAtMs: Number(fromAtMs), opened: Number(opened) },
      ...{ ended: Number(ended), open: Number(open) },
    })),
  }
}

/** The answer, or the HTTP status that stands in its place; 0: none. */
async function ask(path: string, token: string | null): Promise<Record<string, unknown> | number> {
  try {
    const response = await fetch(path, {
      ...(token !== null && { headers: { Authorization: `Bearer ${token}` } }),
    })
    return response.ok ? ((await response.json()) as Record<string, unknown>) : response.status
  } catch {
    return 0
  }
}
