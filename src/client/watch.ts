/** Following a server's session list: `import { watchSessions } from 'sessiond/watch'`. For browsers too. */
import {
  decodeNotice,
  encodeConnect,
  FeedProtocolError,
  type ListedSession,
  type ListedUser,
} from '../feed/protocol.js'
import { UnprotectedTokenError } from './errors.js'
import { EventQueue } from './event-queue.js'
import { WatchedSessions } from './watched-sessions.js'

export type { ListedSession as WatchedSession, ListedUser as WatchedUser }

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000
/** How long after a reset sessions of an earlier connection wait to be added anew. */
const SETTLE_MS = 1_500
/** As a URL has it, however it was written. */
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

export type WatchEvent =
  | { readonly type: 'connecting' }
  /** What comes from now on is of this connection. */
  | { readonly type: 'open'; readonly connectionId: number; readonly expectedVersion: string }
  /** The connection is lost; another attempt follows after the delay. */
  | { readonly type: 'waiting'; readonly retryDelayMs: number; readonly reason: string }
  | { readonly type: 'added' | 'updated'; readonly session: ListedSession }
  | { readonly type: 'removed'; readonly session: ListedSession }
  /** What the server complains of. */
  | { readonly type: 'error'; readonly message: string }

export interface WatchOptions {
  /** What the server counts viewers by. */
  readonly userId?: string
  readonly userName?: string
  readonly version?: string
  /** Ends the watch when aborted. */
  readonly signal?: AbortSignal
  /** Where the runtime has none (Node 20), that of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor
  /** For a server with --feed-token. */
  readonly token?: string
  /** Sends the token also to another machine without TLS, where a proxy here or a mesh protects the way. */
  readonly plaintext?: boolean
}

/** What a watch needs of a WebSocket: that of browsers and that of `ws` have it. */
export interface WebSocketLike {
  addEventListener(type: 'open', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
  addEventListener(type: 'error', listener: (event: object) => void): void
  send(text: string): void
  close(): void
}

export type WebSocketConstructor = new (url: string) => WebSocketLike

/** Each iteration begins with how things are: the connection, then an `added` for each session. */
export interface SessionWatch extends AsyncIterable<WatchEvent> {
  /** As the last connection left it, until the next one's reset. */
  readonly sessions: ReadonlyMap<string, ListedSession>
  close(): void
}

export interface WatchPorts {
  /** From 0 up to 1. */
  random(): number
  /** Calls `run` after a time unless what it returns is called before. */
  after(delayMs: number, run: () => void): () => void
}

const PORTS: WatchPorts = {
  random: Math.random,
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  },
}

/**
 * Follows the session list at `url` (`ws://HOST:PORT/session-list`), and connects again whenever the
 * connection is lost, after a random delay that doubles from half a second up to 30 s. Throws TypeError
 * where there is no WebSocket, or `url` is none, and UnprotectedTokenError.
 */
export function watchSessions(
  url: string,
  options: WatchOptions = {},
  ports: WatchPorts = PORTS,
): SessionWatch {
  return new Watch(url, options, ports)
}

class Watch implements SessionWatch {
  private readonly watched = new WatchedSessions()
  private readonly queues = new Set<EventQueue<WatchEvent>>()
  private readonly url: string
  private readonly connect: string
  private readonly WebSocket: WebSocketConstructor
  private state: WatchEvent = { type: 'connecting' }
  private socket: WebSocketLike | null = null
  private failures = 0
  private isClosed = false
  private cancelRetry = () => {}
  private cancelSettling = () => {}
  private forgetSignal = () => {}

  constructor(
    url: string,
    { userId = '', userName = '', version = '', ...options }: WatchOptions,
    private readonly ports: WatchPorts,
  ) {
    const runtime = globalThis as { readonly WebSocket?: WebSocketConstructor }
    const implementation = options.WebSocket ?? runtime.WebSocket
    if (implementation === undefined) {
      throw new TypeError('there is no WebSocket here: pass one, such as that of the package ws')
    }
    this.WebSocket = implementation
    const address = new URL(url)
    if (options.token !== undefined) {
      const isInClear = address.protocol === 'ws:' && !LOOPBACK.test(address.hostname)
      if (isInClear && !options.plaintext) {
        throw new UnprotectedTokenError(address.host)
      }
      address.searchParams.set('token', options.token)
    }
    this.url = address.href
    this.connect = encodeConnect({ userId, userName, version })
    if (options.signal?.aborted) {
      this.isClosed = true
      return
    }
    const { signal } = options
    signal?.addEventListener('abort', this.close)
    this.forgetSignal = () => signal?.removeEventListener('abort', this.close)
    this.open()
  }

  get sessions(): ReadonlyMap<string, ListedSession> {
    return this.watched.sessions
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchEvent> {
    const added = Array.from(this.sessions.values(), (session) => ({
      type: 'added' as const,
      session,
    }))
    const queue = new EventQueue<WatchEvent>([this.state, ...added], () =>
      this.queues.delete(queue),
    )
    this.queues.add(queue)
    if (this.isClosed) {
      queue.end()
    }
    return queue
  }

  readonly close = (): void => {
    this.isClosed = true
    this.forgetSignal()
    this.cancelRetry()
    this.cancelSettling()
    this.leave()
    for (const queue of this.queues) {
      queue.end()
    }
  }

  private open(): void {
    this.enter({ type: 'connecting' })
    const socket = new this.WebSocket(this.url)
    this.socket = socket
    let isFirst = true
    let problem = ''
    const isCurrent = () => this.socket === socket
    socket.addEventListener('open', () => {
      if (isCurrent()) {
        socket.send(this.connect)
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

  private receive(data: unknown, isFirst: boolean): void {
    try {
      if (typeof data !== 'string') {
        throw new FeedProtocolError('the message is no text')
      }
      const { connectionId, notice } = decodeNotice(data, 'commands', isFirst)
      if (notice.command === 'reset') {
        this.reset(connectionId, notice.expectedVersion)
      } else if (isFirst) {
        throw new FeedProtocolError('the first message is no reset')
      } else if (notice.command === 'error') {
        this.emit({ type: 'error', message: notice.message })
      } else {
        this.emitAll(this.watched.apply(notice))
      }
    } catch (error) {
      if (!(error instanceof FeedProtocolError)) {
        throw error
      }
      // What is known may be wrong from here on; a new connection puts it right.
      this.lose(`the server sent a message that is none: ${error.message}`)
    }
  }

  private reset(connectionId: number, expectedVersion: string): void {
    this.failures = 0
    this.watched.reset()
    this.enter({ type: 'open', connectionId, expectedVersion })
    this.cancelSettling()
    if (!this.watched.isSettled) {
      this.cancelSettling = this.ports.after(SETTLE_MS, () => this.emitAll(this.watched.settle()))
    }
  }

  private lose(reason: string): void {
    this.leave()
    this.cancelSettling()
    const ceilingMs = Math.min(FIRST_RETRY_MS * 2 ** this.failures++, LAST_RETRY_MS)
    // At least half of it: a server that comes back is not met by all at once, nor hammered.
    const retryDelayMs = Math.round((ceilingMs * (1 + this.ports.random())) / 2)
    this.enter({ type: 'waiting', retryDelayMs, reason })
    this.cancelRetry = this.ports.after(retryDelayMs, () => this.open())
  }

  /** Lets go of the connection, and hears no more of it. */
  private leave(): void {
    const { socket } = this
    this.socket = null
    socket?.close()
  }

  private enter(state: WatchEvent): void {
    this.state = state
    this.emit(state)
  }

  private emitAll(events: readonly WatchEvent[]): void {
    for (const event of events) {
      this.emit(event)
    }
  }

  private emit(event: WatchEvent): void {
    for (const queue of this.queues) {
      queue.push(event)
    }
  }
}
