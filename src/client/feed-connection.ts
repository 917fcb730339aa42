import { FeedProtocolError, type Notice } from '../feed/protocol/messages.js'
import { decodeNotice } from '../feed/protocol/read.js'
import type { startTimer } from '../net/timers.js'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000

/** What a watch needs of a WebSocket: that of browsers and that of `ws` have it. */
export interface WebSocketLike {
  addEventListener(type: 'open', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
  addEventListener(type: 'error', listener: (event: object) => void): void
  send(text: string): void
  close(): void
}

/** What becomes of the connection. */
export type ConnectionEvent =
  | { readonly type: 'connecting' }
  /** What comes from now on is of this connection. */
  | { readonly type: 'open'; readonly connectionId: number; readonly expectedVersion: string }
  /** The connection is lost; another attempt follows after the delay. */
  | { readonly type: 'waiting'; readonly retryDelayMs: number; readonly reason: string }

export interface ConnectionPorts {
  /** From 0 up to 1. */
  random(): number
  readonly after: typeof startTimer
}

/** Whoever is told of a connection. */
interface Listener {
  onConnection(event: ConnectionEvent): void
  /** A notice other than a reset, which `open` stands for. */
  onNotice(notice: Notice): void
}

/**
 * A connection to a server's session list that is made again whenever it is lost, after a random delay that
 * doubles with each failure. What is no message of the protocol loses it too.
 */
export class FeedConnection {
  private socket: WebSocketLike | null = null
  private failures = 0
  private cancelRetry = () => {}

  constructor(
    private readonly newSocket: () => WebSocketLike,
    /** What it says first. */
    private readonly hello: string,
    private readonly listener: Listener,
    private readonly ports: ConnectionPorts,
  ) {}

  open(): void {
    this.listener.onConnection({ type: 'connecting' })
    const socket = this.newSocket()
    this.socket = socket
    let isFirst = true
    let problem = ''
    const isCurrent = () => this.socket === socket
    socket.addEventListener('open', () => {
      if (isCurrent()) {
        socket.send(this.hello)
      }
    })
    socket.addEventListener('message', ({ data }) => {
      if (isCurrent()) {
        this.receive(data, isFirst)
        isFirst = false
      }
    })
    socket.addEventListener('error', (event) => {
      // Browsers say nothing of what was wrong. What follows from the first error is none.
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
        throw new FeedProtocolError('the message is no text')
      }
      const { connectionId, notice } = decodeNotice(data, 'commands', isFirst)
      if (notice.command === 'reset') {
        const { expectedVersion } = notice
        this.failures = 0
        this.listener.onConnection({ type: 'open', connectionId, expectedVersion })
      } else if (isFirst) {
        throw new FeedProtocolError('the first message is no reset')
      } else {
        this.listener.onNotice(notice)
      }
    } catch (error) {
      if (!(error instanceof FeedProtocolError)) {
        throw error
      }
      // What is known may be wrong from here on; a new connection puts it right.
      this.lose(`the server sent a message that is none: ${error.message}`)
    }
  }

  private lose(reason: string): void {
    this.leave()
    const ceilingMs = Math.min(FIRST_RETRY_MS * 2 ** this.failures++, LAST_RETRY_MS)
    // At least half of it: a server that comes back is not met by all at once, nor hammered.
    const retryDelayMs = Math.round((ceilingMs * (1 + this.ports.random())) / 2)
    this.listener.onConnection({ type: 'waiting', retryDelayMs, reason })
    this.cancelRetry = this.ports.after(retryDelayMs, () => this.open())
  }

  /** Lets go of the socket, and hears no more of it. */
  private leave(): void {
    const { socket } = this
    this.socket = null
    socket?.close()
  }
}
