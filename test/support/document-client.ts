/**
 * A client of the session list that was written from its document alone: it takes lines apart by
 * position and shares nothing with the server's own reading of the protocol.
 */
export class DocumentClient {
  readonly sessions = new Map<string, ShownSession>()
  readonly errors: string[] = []
  connectionId = ''
  expectedVersion = ''
  /** How many messages of each kind came, and what the client could make no sense of. */
  readonly problems: string[] = []
  private isReset = false

  constructor(private readonly printed = false) {}

  /** A new connection begins; what is known stays until its reset. */
  reconnect(): void {
    this.isReset = false
  }

  receive(text: string): void {
    const lines = text.split('\n')
    if (this.printed && !['reset', 'add', 'update'].includes(lines[0] ?? '')) {
      const command = { 2: 'error', 4: 'remove_user', 7: 'add_user' }[lines.length]
      lines.unshift(command ?? 'unknown')
    }
    const [command, connectionId = '', ...rest] = lines
    if (command === 'reset' && !this.isReset) {
      this.isReset = true
      this.connectionId = connectionId
      this.expectedVersion = rest[0] ?? ''
      for (const [id, session] of this.sessions) {
        if (session.connectionId !== connectionId) {
          this.sessions.delete(id)
        }
      }
      return
    }
    if (!this.isReset || connectionId !== this.connectionId) {
      this.problems.push(`of another connection: ${text}`)
    }
    const id = rest[0] ?? ''
    const session = this.sessions.get(id)
    switch (this.printed && command === 'reset' ? 'remove' : command) {
      case 'add':
        this.expect(session === undefined && rest.length === 10, text)
        this.sessions.set(id, shown(connectionId, rest))
        break
      case 'remove':
        this.expect(session !== undefined && rest.length === 1, text)
        this.sessions.delete(id)
        break
      case 'update':
        this.expect(session !== undefined && rest.length === 4, text)
        Object.assign(session ?? {}, { name: rest[1], active: rest[2], joined: rest[3] })
        break
      case 'add_user':
        this.expect(session?.users.has(rest[1] ?? '') === false && rest.length === 6, text)
        session?.users.set(rest[1] ?? '', rest.slice(2))
        break
      case 'remove_user':
        this.expect(session?.users.get(rest[1] ?? '')?.[0] === rest[2] && rest.length === 3, text)
        session?.users.delete(rest[1] ?? '')
        break
      case 'error':
        this.errors.push(rest.join('\n'))
        break
      default:
        this.expect(false, text)
    }
  }

  /** Everything that is shown, by session id, comparable with that of another client. */
  content(): Record<string, object> {
    return Object.fromEntries(
      [...this.sessions]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([id, { connectionId: _, users, ...fields }]) => [
          id,
          { ...fields, users: Object.fromEntries([...users].sort(([a], [b]) => (a < b ? -1 : 1))) },
        ]),
    )
  }

  private expect(condition: boolean, text: string): void {
    if (!condition) {
      this.problems.push(text)
    }
  }
}

export interface ShownSession {
  readonly connectionId: string
  name: string
  active: string
  joined: string
  /** Name, registration date, patron, mentor. */
  readonly host: readonly string[]
  readonly begin: string
  /** By id: name, registration date, patron, mentor. */
  readonly users: Map<string, string[]>
}

function shown(connectionId: string, rest: readonly string[]): ShownSession {
  const [, active = '', joined = '', h0 = '', h1 = '', h2 = '', h3 = '', name = '', begin = ''] =
    rest
  const fields = rest[9] === '' ? [] : (rest[9] ?? '').split('\r')
  const users = new Map<string, string[]>()
  for (let i = 0; i < fields.length; i += 5) {
    users.set(fields[i] ?? '', fields.slice(i + 1, i + 5))
  }
  return { connectionId, name, active, joined, host: [h0, h1, h2, h3], begin, users }
}
