import {
  type Connection,
  ConnectionClosedError,
  type TokenSigner,
  TokensClient,
} from '../client/index.js'
import { endedSessionsOf } from '../client/tokens/watch-endings.js'
import type { EndedSession } from '../tokens/index.js'
import type { KnownEndings } from './guard.js'

/** What to tell while endings are watched. */
export interface WatchOptions {
  /** Called with each ending, for example to close what a session has open. After it, guards refuse the session. */
  readonly onEnded?: (ending: EndedSession) => void
  /** Called when the stream is interrupted, with the reason. It begins again by itself, unless the connection was closed. */
  readonly onWaiting?: (error: unknown) => void
  /** Unix time in milliseconds. The same clock as the guard's. Default: `Date.now`. */
  readonly nowMs?: () => number
}

/** Which sessions have ended, as the server tells it. */
export interface WatchedEndings extends KnownEndings {
  /**
   * Resolves as soon as all unexpired endings are known. Before that, a guard refuses everything. Rejects if the connection
   * or the watch is closed before.
   */
  readonly ready: Promise<void>
  /** How many endings are kept: at most twice those that are not expired. */
  readonly size: number
  /** Stops watching. */
  close(): void
}

/**
 * Watches which sessions end (`sessiond.v1.Tokens/Watch`), for guards. `signer`: a service that the server's `--signers` names.
 * It reconnects by itself; as long as it cannot, `verifiedAtMs` stays behind, and the guard decides what that means.
 *
 * @example
 * ```ts
 * import type { Connection, TokenSigner } from 'sessiond/client'
 * import { Guard, watchEndings } from 'sessiond/guard'
 *
 * export async function openGuard(server: Connection, service: TokenSigner): Promise<Guard> {
 *   const endings = watchEndings(server, service, { onWaiting: (error) => console.error(`${error}`) })
 *   await endings.ready
 *   return new Guard({ audience: 'objects.example', endings, whenStale: 'accept' })
 * }
 * ```
 */
export function watchEndings(
  connection: Connection,
  signer: TokenSigner,
  { onEnded, onWaiting, nowMs = Date.now }: WatchOptions = {},
): WatchedEndings {
  const ended = endedSessionsOf(connection, nowMs)
  const stop = new AbortController()
  const { signal } = stop
  let isReady = () => {}
  let isNeverReady = (_: unknown) => {}
  const ready = new Promise<void>((resolve, reject) => {
    isReady = resolve
    isNeverReady = reject
  })
  // Whoever does not wait for it need not hear of that.
  ready.catch(() => {})
  const follow = async () => {
    for await (const event of new TokensClient(connection, signer).watch({ ended, signal })) {
      if (event.type === 'waiting') {
        onWaiting?.(event.error)
        continue
      }
      for (const ending of event.endings) {
        onEnded?.(ending)
      }
      if (event.verifiedAtMs !== null) {
        isReady()
      }
    }
    isNeverReady(signal.reason)
  }
  follow().catch((error: unknown) => {
    isNeverReady(error)
    if (!(error instanceof ConnectionClosedError)) {
      throw error
    }
    // It does not begin again: guards then go by what is known, and by its age.
    onWaiting?.(error)
  })
  return {
    ready,
    isEnded: (id) => ended.find(id) !== undefined,
    get verifiedAtMs() {
      return ended.verifiedAtMs
    },
    get size() {
      return ended.size
    },
    close: () => stop.abort(),
  }
}
