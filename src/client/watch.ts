/** Follows a server's session list, in Node and in browsers: `import { watchSessions } from 'sessiond/watch'`. */

import type { ServerUnavailableError } from '../core/errors.js'
import type { ListedSession, ListedUser, Notice } from '../feed/protocol/messages.js'
import { encodeConnect } from '../feed/protocol/write.js'
import { startTimer } from '../net/timers.js'
import { fullPolicy, type RetryPolicy } from './connection/retry.js'
import { UnprotectedTokenError } from './errors.js'
import { EventQueue } from './event-queue.js'
import {
  type ConnectionEvent,
  type ConnectionPorts,
  FeedConnection,
  type WebSocketLike,
} from './feed-connection.js'
import { WatchedSessions } from './watched-sessions.js'

export { ServerUnavailableError, SessiondError } from '../core/errors.js'
export { UnprotectedTokenError } from './errors.js'
export type {
  ListedSession as WatchedSession,
  ListedUser as WatchedUser,
  RetryPolicy,
  WebSocketLike,
}

const RETRY_DELAYS = { firstMs: 500, maxMs: 30_000 }
/** How long sessions of an earlier connection stay listed, for the new connection to add them again. */
const SETTLE_MS = 1_500
/** The host of a URL, which `URL` has normalised. */
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** What a watch yields: what becomes of its connection, and what changes in the list. */
export type WatchEvent =
  | ConnectionEvent
  /** `added`: the session is new in the list. `updated`: its name or its users changed. */
  | { readonly type: 'added' | 'updated'; readonly session: ListedSession }
  /** The session ended, or the new connection no longer lists it. */
  | { readonly type: 'removed'; readonly session: ListedSession }
  /** The server complains about this client. */
  | { readonly type: 'error'; readonly message: string }

/** Who watches, and how to connect. */
export interface WatchOptions {
  /** The viewer's id, for the server's usage metrics; at most 256 characters. Default: empty. */
  readonly userId?: string
  /** The viewer's name, for the server's usage metrics; at most 256 characters. Default: empty. */
  readonly userName?: string
  /** The viewer's version, for the server's usage metrics; at most 256 characters. Default: empty. */
  readonly version?: string
  /** Ends the watch when aborted. */
  readonly signal?: AbortSignal
  /** Default: the runtime's own. Node 20 has none: pass the one of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor
  /** The token of a server with `--feed-token`. Default: none. */
  readonly token?: string
  /**
   * Sends the token without TLS even to another machine: for a proxy on this machine or a mesh that encrypts the
   * connection. Default: false.
   */
  readonly plaintext?: boolean
  /**
   * How often and when it connects again. `attempts` counts those in a row that fail. Default: for ever, after at most half
   * a second at first and 30 seconds later.
   */
  readonly retry?: RetryPolicy
}

/** What makes such a WebSocket. */
export type WebSocketConstructor = new (url: string) => WebSocketLike

/**
 * A session list that is followed. Iterate over it for events: each iteration begins with the present state, as an event
 * of the connection and an `added` for each session. It ends after `close`, throws ServerUnavailableError after the last
 * attempt to connect (`retry`), and throws an Error when it falls 100,000 events behind.
 */
export interface SessionWatch extends AsyncIterable<WatchEvent> {
  /** The sessions by id. While the connection is lost they stay as they were. */
  readonly sessions: ReadonlyMap<string, ListedSession>
  /** Ends the watch and its iterations. */
  close(): void
  /** Closes the watch at the end of a scope: `using watch = watchSessions(…)`. */
  [Symbol.dispose](): void
  /** As `[Symbol.dispose]`, for `await using` and `AsyncDisposableStack`. */
  [Symbol.asyncDispose](): Promise<void>
}

const PORTS: ConnectionPorts = { random: Math.random, after: startTimer }

/**
 * Follows the session list at `url`: `ws://HOST:PORT/session-list`, or `wss:` with TLS. When the connection is lost it
 * connects again after a random delay, which doubles with each failure from half a second to 30 seconds. Sessions that
 * the new connection does not add within 1.5 seconds are then removed.
 *
 * @throws {TypeError} `url` is no `ws:` or `wss:` URL, or the runtime has no WebSocket.
 * @throws {RangeError} A number of `retry` is none.
 * @throws {UnprotectedTokenError} The token would cross the network unencrypted.
 *
 * @example
 * ```ts
 * import { watchSessions } from 'sessiond/watch'
 *
 * const watch = watchSessions('ws://127.0.0.1:8808/session-list')
 * for await (const event of watch) {
 *   if (event.type === 'added') {
 *     console.log(`${event.session.name}: one of ${watch.sessions.size} sessions`)
 *   } else if (event.type === 'waiting') {
 *     console.log(`${event.reason}; next attempt in ${event.retryDelayMs} ms`)
 *   }
 * }
 * ```
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
  private failure: ServerUnavailableError | null = null
  private cancelSettling = () => {}
  private forgetSignal = () => {}

  constructor(
    url: string,
    { userId = '', userName = '', version = '', signal, ...options }: WatchOptions,
    private readonly ports: ConnectionPorts,
  ) {
    const WebSocket = options.WebSocket ?? runtimeWebSocket()
    const address = addressOf(url, options)
    const target = {
      // Without the query, which may have a token.
      address: `${address.origin}${address.pathname}`,
      newSocket: () => new WebSocket(address.href),
      hello: encodeConnect({ userId, userName, version }),
      retry: fullPolicy(options.retry ?? {}, RETRY_DELAYS),
    }
    this.connection = new FeedConnection(target, this, ports)
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
    if (this.failure !== null) {
      queue.fail(this.failure)
    } else if (this.isClosed) {
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
  };

  [Symbol.dispose](): void {
    this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  onGivenUp(error: ServerUnavailableError): void {
    this.failure = error
    for (const queue of this.queues) {
      queue.fail(error)
    }
    this.close()
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
function addressOf(url: string, { token, plaintext }: WatchOptions): URL {
  const address = URL.canParse(url) ? new URL(url) : null
  if (address === null || !['ws:', 'wss:'].includes(address.protocol) || address.hash !== '') {
    throw new TypeError(
      `${JSON.stringify(`${url}`.replace(/[?#].*$/s, ''))} is not the URL of a session list, such as ws://127.0.0.1:8808/session-list, or wss: with TLS`,
    )
  }
  if (token !== undefined) {
    if (address.protocol === 'ws:' && !LOOPBACK.test(address.hostname) && !plaintext) {
      throw new UnprotectedTokenError(address.host)
    }
    address.searchParams.set('token', token)
  }
  return address
}
