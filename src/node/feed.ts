import type { IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { AdminCredential } from '../admin-credential.js'
import type { Config } from '../config.js'
import type { Sessions } from '../core/sessions.js'
import { adminOf, namesThisMachine } from '../feed/access.js'
import { FeedHub } from '../feed/hub.js'
import { readPages } from '../feed/pages.js'
import { type FeedServer, startFeedServer } from '../feed/server.js'
import type { Lifecycle } from '../lifecycle.js'
import type { Logger } from '../log.js'
import { isLoopback } from '../loopback.js'
import type { Metrics } from '../metrics.js'
import type { Unsent } from '../net/unsent.js'
import { Secret } from '../secret.js'
import type { LevelStore } from '../stores/level/store.js'
import type { Tls } from '../tls.js'
import { readTokenFile } from '../token-file.js'
import { VERSION } from '../version.js'

/** The built page, from the sources as well as from the package. */
const PAGES = fileURLToPath(new URL('../../dist/web', import.meta.url))

export interface FeedParts {
  readonly store: LevelStore
  readonly sessions: Sessions
  readonly metrics: Metrics
  /** null: no TLS. */
  readonly tls: Tls | null
  /** null: none is configured. */
  readonly credential: AdminCredential | null
  readonly unsent: Unsent
  readonly isServing: () => boolean
  readonly findings: () => readonly string[]
}

/** Serves the session list, its page, probes and metrics; null where that is off. */
export async function startFeed(
  { http, feedToken, feedPublic, feedMaxSessions, headerTimeoutMs }: Config,
  { store, sessions, metrics, tls, credential, unsent, isServing, findings }: FeedParts,
  log: Logger,
  lifecycle: Lifecycle,
): Promise<FeedServer | null> {
  if (http === null) {
    return null
  }
  const hub = new FeedHub(store, {
    maxSessions: feedMaxSessions,
    onError: (err) => log.error({ event: 'feed-behind', err }, 'the session list is incomplete'),
  })
  lifecycle.add(() => hub.close())
  const admin = (request: IncomingMessage) =>
    credential === null ? null : adminOf(request, credential.proofOf)
  const server = await startFeedServer(hub, {
    ...http,
    tls,
    headerTimeoutMs,
    onFull: () => metrics.limited('http-connections'),
    unsent,
    access: {
      isPublic: feedPublic,
      ...(feedToken !== null && { token: new Secret(readTokenFile(feedToken)) }),
    },
    expectedVersion: VERSION,
    pages: readPages(PAGES),
    isReady: () =>
      store.countOpen().then(
        () => hub.isReady && isServing() && store.look() === null,
        () => false,
      ),
    findings,
    metrics: {
      // Behind a proxy on this machine every peer is local: the name that was asked for is not.
      mayRead: (request) =>
        (isLoopback(http.host) && namesThisMachine(request)) || admin(request) !== null,
      contentType: metrics.contentType,
      text: (sinceMs) => metrics.text(sinceMs),
    },
    ...(credential && {
      operator: {
        sessions,
        admin,
        onInternalError: (call, err) =>
          log.error({ event: 'internal-error', method: call, err }, 'a request failed'),
      },
    }),
    onUsage: (usage) => log.info({ event: 'feed-usage', ...usage }, 'who watches the session list'),
  })
  lifecycle.listens(server)
  await hub.load()
  return server
}
