import type { WatchEvent } from '../../client/watch.js'

/** The state of the page's connection. */
export interface Connection {
  readonly phase: 'connecting' | 'open' | 'waiting'
  /** Whether a list was ever received. */
  readonly everOpen: boolean
  /** Empty until the first connection. */
  readonly expectedVersion: string
  /** Why the last connection was lost. */
  readonly reason: string
  /** While waiting: when the next attempt is made. */
  readonly retryAtMs: number
  /** When the connection was lost. What is shown may be out of date since. */
  readonly lostAtMs: number
  /** The server's last error message in this connection. */
  readonly complaint: string
  /** The token, or none, that the server refused in the last attempt; undefined: it refused nothing. */
  readonly refusedToken: string | null | undefined
}

export const NOT_CONNECTED: Connection = {
  phase: 'connecting',
  everOpen: false,
  expectedVersion: '',
  reason: '',
  retryAtMs: 0,
  lostAtMs: 0,
  complaint: '',
  refusedToken: undefined,
}

export function connectionAfter(was: Connection, event: WatchEvent, nowMs: number): Connection {
  switch (event.type) {
    case 'connecting':
      return { ...was, phase: 'connecting' }
    case 'open':
      return {
        ...was,
        phase: 'open',
        everOpen: true,
        expectedVersion: event.expectedVersion,
        complaint: '',
        refusedToken: undefined,
      }
    case 'waiting':
      return {
        ...was,
        phase: 'waiting',
        reason: event.reason,
        retryAtMs: nowMs + event.retryDelayMs,
        lostAtMs: was.phase === 'open' ? nowMs : was.lostAtMs,
      }
    case 'error':
      return { ...was, complaint: event.message }
    default:
      return was
  }
}
