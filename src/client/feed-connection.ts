import { ServerUnavailableError } from '../core/errors.js'
import { FeedProtocolError, type Notice } from '../feed/protocol/messages.js'
import { decodeNotice } from '../feed/protocol/read.js'
import type { After } from '../net/timers.js'
import type { RetryPolicy } from './connection/retry.js'

/** The part of a WebSocket that a watch uses. That of browsers and that of the package `ws` have it. */
export interface WebSocketLike {
  addEventListener(type: 'open', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
  addEventListener(type: 'error', listener: (event: object) => void): void
  send(text: string): void
  close(): void
}

/** What becomes of the connection of a watch. */
export type ConnectionEvent =
  /** An attempt to connect begins. */
  | { readonly type: 'connecting' }
  /** The server accepted the connection. `expectedVersion`: the version that viewers should have. */
  | { readonly type: 'open'; readonly connectionId: number; readonly expectedVersion: string }
  /**
   * The connection is lost, or was refused: `reason` says why, and `error` is what other clients throw for it. The next
   * attempt follows in `retryDelayMs` milliseconds.
   */
  | {
      readonly type: 'waiting'
      readonly retryDelayMs: number
      readonly reason: string
      readonly error: ServerUnavailableError
    }

export interface ConnectionPorts {
  /** A number from 0 up to, but not including, 1. */
  random(): number
  readonly after: After
}

/** Receives what happens on a connection. */
interface Listener {
  onConnection(event: ConnectionEvent): void
  /** A notice other than a reset, which `open` stands for. */
  onNotice(notice: Notice): void
  /** The last attempt has failed. */
  onGivenUp(error: ServerUnavailableError): void
}

/** Where a connection leads to, and how. */
export interface Target {
  /** The URL, without the token. */
  readonly address: string
  newSocket(): WebSocketLike
  /** The first message, sent when the connection opens. */
  readonly hello: string
  readonly retry: Required<RetryPolicy>
}

/**
 * A connection to a server's session list. When it is lost it connects again, after a random delay that doubles with
 * each failure, until `retry.attempts` in a row have failed. It gives up a connection whose messages it cannot read.
 */
export class FeedConnection {
  private socket: WebSocketLike | null = null
  private failures = 0
  private cancelRetry = () => {}

  constructor(
    private readonly target: Target,
    private readonly listener: Listener,
    private readonly ports: ConnectionPorts,
  ) {}

  open(): void {
    this.listener.onConnection({ type: 'connecting' })
    const socket = this.target.newSocket()
    this.socket = socket
    let isFirst = true
    let problem = ''
    const isCurrent = () => this.socket === socket
    socket.addEventListener('open', () => {
      if (isCurrent()) {
        socket.send(this.target.hello)
      }
    })
    socket.addEventListener('message', ({ data }) => {
      if (isCurrent()) {
        this.receive(data, isFirst)
        isFirst = false
      }
    })
    socket.addEventListener('error', (event) => {
      // Browsers give no message. Only the first error counts: later ones follow from it.
      problem ||= 'message' in event ? String(event.message) : ''
    })
    socket.addEventListener('close', ({ code, reason }) => {
      if (isCurrent()) {
        this.lose(reason || problem || `the connection was lost (${code})`)
      }
    })
  }

  /** Ends the connection for good. */
  close(): void {
    this.cancelRetry()
    this.leave()
  }

  private receive(data: unknown, isFirst: boolean): void {
    try {
      if (typeof data !== 'string') {
        throw new FeedProtocolError('the message is not text')
      }
      const { connectionId, notice } = decodeNotice(data, 'commands', isFirst)
      if (notice.command === 'reset') {
        const { expectedVersion } = notice
        this.failures = 0
        this.listener.onConnection({ type: 'open', connectionId, expectedVersion })
      } else if (isFirst) {
        throw new FeedProtocolError('the first message is not a reset')
      } else {
        this.listener.onNotice(notice)
      }
    } catch (error) {
      if (!(error instanceof FeedProtocolError)) {
        throw error
      }
      // The list may be wrong from here on; a new connection starts it afresh.
      this.lose(`the server sent a message that cannot be read: ${error.message}`)
    }
  }

  private lose(reason: string): void {
    this.leave()
    const { address, retry } = this.target
    const error = new ServerUnavailableError(address, `is not connected: ${reason}`)
    const ceilingMs = Math.min(retry.firstDelayMs * 2 ** this.failures++, retry.maxDelayMs)
    if (this.failures >= retry.attempts) {
      this.listener.onGivenUp(error)
      return
    }
    // Between half of it and all of it, so that viewers of a restarted server do not come all at once.
    const retryDelayMs = Math.round((ceilingMs * (1 + this.ports.random())) / 2)
    this.listener.onConnection({ type: 'waiting', retryDelayMs, reason, error })
    this.cancelRetry = this.ports.after(retryDelayMs, () => this.open())
  }

  /** Drops the socket and ignores its later events. */
  private leave(): void {
    const { socket } = this
    this.socket = null
    socket?.close()
  }
}
