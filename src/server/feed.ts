import type { IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import { VERSION } from '../config/version.js'
import { type OperatorCredential, operatorRule } from '../core/operators/trust.js'
import { SessionSearch } from '../core/search/search.js'
import { CREDENTIAL_ADVICE } from '../credentials/admin-credential.js'
import { Secret } from '../credentials/secret.js'
import type { Tls } from '../credentials/tls.js'
import { readTokenFile } from '../credentials/token-file.js'
import { SessionHistory } from '../feed/history.js'
import { FeedHub } from '../feed/hub.js'
import { type FeedServer, startFeedServer } from '../feed/server.js'
import { metricsRefusal, operatorOf } from '../http/access.js'
import { readPages } from '../http/pages.js'
import { isLoopback } from '../net/loopback.js'
import { namesThisMachine } from '../net/request.js'
import type { Backend } from './backend.js'
import type { ServerContext } from './context.js'
import { oauthPorts } from './oauth.js'
import type { TokenDesk } from './tokens.js'

/** The built page; the path is right from the sources and from the package. */
const PAGES = fileURLToPath(new URL('../../dist/web', import.meta.url))

/** How far the clocks of servers that share a store may be apart. */
const CLOCK_MARGIN_MS = 5_000

export interface FeedParts {
  /** null: no TLS. */
  readonly tls: Tls | null
  /** null: none is configured. */
  readonly credential: OperatorCredential | null
  readonly desk: TokenDesk
  readonly isServing: () => boolean
  readonly findings: () => readonly string[]
}

/** Serves the session list, its page, probes and metrics; null where that is off. */
export async function startFeed(
  context: ServerContext,
  backend: Backend,
  { tls, credential, desk, isServing, findings }: FeedParts,
): Promise<FeedServer | null> {
  const { config, log, metrics, observer, unsent, lifecycle } = context
  const { store, sessions, commandable, expiry, clock } = backend
  const { http, feedTokenFile, feedPublic, feedMaxSessions } = config
  if (http === null) {
    return null
  }
  const hub = new FeedHub(store, {
    maxSessions: feedMaxSessions,
    onError: (err) => log.error({ event: 'feed-behind', err }, 'the session list is incomplete'),
  })
  lifecycle.add(() => hub.close())
  const history = new SessionHistory(store, { maxListed: feedMaxSessions })
  history.start()
  lifecycle.add(() => history.close())
  const admit = operatorRule(credential, isLoopback(http.host), CREDENTIAL_ADVICE)
  const server = await startFeedServer(hub, {
    ...http,
    tls,
    limits: config,
    onFull: () => metrics.limited('http-connections'),
    unsent,
    prefix: config.httpPath,
    access: {
      isPublic: feedPublic,
      origins: config.feedOrigins,
      ...(feedTokenFile !== null && { token: new Secret(readTokenFile(feedTokenFile)) }),
    },
    expectedVersion: VERSION,
    pages: readPages(PAGES),
    isReady: () =>
      store.countOpen().then(
        () => hub.isReady && isServing(),
        () => false,
      ),
    findings,
    viewing: {
      version: VERSION,
      operators: {
        adminToken: config.adminTokenFile !== null,
        clientCertificates: tls !== null && config.tlsClientCa !== null,
      },
      history: () => history.report(),
    },
    metrics: {
      refusal: (request) => metricsRefusal(request, admit, credential !== null, CREDENTIAL_ADVICE),
      contentType: metrics.contentType,
      text: (askedAtMs) => metrics.text(askedAtMs),
    },
    ...(credential &&
      admit && {
        operator: {
          sessions,
          search: new SessionSearch({
            ...{ store, expiry, clock },
            clockMarginMs: config.store.kind === 'level' ? 0 : CLOCK_MARGIN_MS,
          }),
          operator: (request: IncomingMessage) => operatorOf(request, admit),
          onInternalError: (call, err) =>
            log.error({ event: 'internal-error', method: call, err }, 'a request failed'),
        },
      }),
    ...(admit && {
      commandable: {
        sessions: commandable,
        mayBeAsked: (request: IncomingMessage) => credential !== null || namesThisMachine(request),
        caller: (request: IncomingMessage) => operatorOf(request, admit),
        observer,
      },
    }),
    oauth: oauthPorts(context, backend, desk, admit, credential !== null),
    onFailure: (err) => log.error({ event: 'internal-error', err }, 'a request failed'),
    onUsage: (usage) => log.info({ event: 'feed-usage', ...usage }, 'who watches the session list'),
  })
  lifecycle.listens(server)
  await hub.load()
  return server
}
