/** Following a server's session list: `import { watchSessions } from 'sessiond/watch'`. For browsers too. */
import type { ListedSession, ListedUser, Notice } from '../feed/protocol/messages.js'
import { encodeConnect } from '../feed/protocol/write.js'
import { startTimer } from '../net/timers.js'
import { UnprotectedTokenError } from './errors.js'
import { EventQueue } from './event-queue.js'
import {
  type ConnectionEvent,
  type ConnectionPorts,
  FeedConnection,
  type WebSocketLike,
} from './feed-connection.js'
import { WatchedSessions } from './watched-sessions.js'

export type { ListedSession as WatchedSession, ListedUser as WatchedUser, WebSocketLike }

/** How long after a reset sessions of an earlier connection wait to be added anew. */
const SETTLE_MS = 1_500
/** As a URL has it, however it was written. */
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

export type WatchEvent =
  | ConnectionEvent
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

export type WebSocketConstructor = new (url: string) => WebSocketLike

/** Each iteration begins with how things are: the connection, then an `added` for each session. */
export interface SessionWatch extends AsyncIterable<WatchEvent> {
  /** As the last connection left it, until the next one's reset. */
  readonly sessions: ReadonlyMap<string, ListedSession>
  close(): void
}

const PORTS: ConnectionPorts = { random: Math.random, after: startTimer }

/**
 * Follows the session list at `url` (`ws://HOST:PORT/session-list`), and connects again whenever the
 * connection is lost, after a random delay that doubles from half a second up to 30 s. Throws TypeError
 * where there is no WebSocket, or `url` is none, and UnprotectedTokenError.
 */
export function watchSessions(
  url: string,
  options: WatchOptions = {},
  ports: ConnectionPorts = PORTS,
): SessionWatch {
  return new Watch(url, options, ports)
}

class Watch implements SessionWatch {
  private readonly watched = new WatchedSessions()
  private readonly queues = new Set<EventQueue<WatchEvent>>()
  private readonly connection: FeedConnection
  private state: ConnectionEvent = { type: 'connecting' }
  private isClosed = false
  private cancelSettling = () => {}
  private forgetSignal = () => {}

  constructor(
    url: string,
    { userId = '', userName = '', version = '', signal, ...options }: WatchOptions,
    private readonly ports: ConnectionPorts,
  ) {
    const WebSocket = options.WebSocket ?? runtimeWebSocket()
    const address = addressOf(url, options)
    const hello = encodeConnect({ userId, userName, version })
    this.connection = new FeedConnection(() => new WebSocket(address), hello, this, ports)
    if (signal?.aborted) {
      this.isClosed = true
      return
    }
    signal?.addEventListener('abort', this.close)
    this.forgetSignal = () => signal?.removeEventListener('abort', this.close)
    this.connection.open()
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
    this.cancelSettling()
    this.connection.close()
    for (const queue of this.queues) {
      queue.end()
    }
  }

  onConnection(event: ConnectionEvent): void {
    this.cancelSettling()
    this.state = event
    if (event.type === 'open') {
      this.watched.reset()
    }
    this.tell([event])
    if (event.type === 'open' && !this.watched.isSettled) {
      this.cancelSettling = this.ports.after(SETTLE_MS, () => this.tell(this.watched.settle()))
    }
  }

  onNotice(notice: Notice): void {
    this.tell(
      notice.command === 'error'
        ? [{ type: 'error', message: notice.message }]
        : this.watched.apply(notice),
    )
  }

  private tell(events: readonly WatchEvent[]): void {
    for (const event of events) {
      for (const queue of this.queues) {
        queue.push(event)
      }
    }
  }
}

function runtimeWebSocket(): WebSocketConstructor {
  const { WebSocket } = globalThis as { readonly WebSocket?: WebSocketConstructor }
  if (WebSocket === undefined) {
    throw new TypeError('there is no WebSocket here: pass one, such as that of the package ws')
  }
  return WebSocket
}

/** The URL with the token in it. Throws UnprotectedTokenError, TypeError where it is none. */
function addressOf(url: string, { token, plaintext }: WatchOptions): string {
  const address = new URL(url)
  if (token !== undefined) {
    if (address.protocol === 'ws:' && !LOOPBACK.test(address.hostname) && !plaintext) {
      throw new UnprotectedTokenError(address.host)
    }
    address.searchParams.set('token', token)
  }
  return address.href
}
