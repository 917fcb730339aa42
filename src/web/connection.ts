import type { WatchEvent } from '../client/watch.js'

/** How the page stands with the server. */
export interface Connection {
  readonly phase: 'connecting' | 'open' | 'waiting'
  /** Whether there was ever a list: before that there is nothing to show. */
  readonly everOpen: boolean
  /** Empty until the first connection. */
  readonly expectedVersion: string
  /** Of the last lost connection. */
  readonly reason: string
  /** When the next attempt is made, while waiting. */
  readonly retryAtMs: number
  /** When the connection was lost, so what is shown may be old since. */
  readonly lostAtMs: number
  /** What the server last complained of in this connection. */
  readonly complaint: string
  /** Whether the server wants another token than this page has. */
  readonly wantsToken: boolean
}

export const NOT_CONNECTED: Connection = {
  phase: 'connecting',
  everOpen: false,
  expectedVersion: '',
  reason: '',
  retryAtMs: 0,
  lostAtMs: 0,
  complaint: '',
  wantsToken: false,
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
        wantsToken: false,
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
