import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAuditLog } from './audit-log.js'
import type { Config } from './config.js'
import { EpochClock } from './core/epoch.js'
import { anySigner, listedOwners, type OwnerPolicy, selfCertifying } from './core/owner.js'
import { Sessions } from './core/sessions.js'
import type { SessionStore } from './core/store.js'
import { n3Account } from './crypto/n3.js'
import { cachedVerify, schemeVerifier } from './crypto/schemes.js'
import { sealSeed } from './crypto/seal.js'
import { sodiumEd25519, sodiumRandomBytes } from './crypto/sodium.js'
import { FeedHub } from './feed/hub.js'
import { readPages } from './feed/pages.js'
import { startFeedServer } from './feed/server.js'
import { readFeedToken } from './feed-token.js'
import { adminService } from './grpc/admin.js'
import { callerOf } from './grpc/caller.js'
import { type GrpcService, startGrpcServer } from './grpc/server.js'
import { sessionService } from './grpc/session.js'
import { sessionsService } from './grpc/sessions.js'
import { Closers } from './lifecycle.js'
import type { Logger } from './log.js'
import { isLoopback } from './loopback.js'
import { followOwnersFile } from './owners-file.js'
import { SENECA_LISTENERS } from './seneca/listeners.js'
import { openServerKeys } from './server-keys.js'
import { LevelStore } from './stores/level/store.js'
import { VERSION } from './version.js'

/** How long calls under way may take once the node is told to stop. */
const GRACE_MS = 10_000
const SWEEP_INTERVAL_MS = 1_000
/** Header signatures that recur unchanged are checked once; about 300 bytes each. */
const REMEMBERED_HEADERS = 10_000

/** The built page, from the sources as well as from the package. */
const PAGES = fileURLToPath(new URL('../dist/web', import.meta.url))

/** A running server. */
export interface Node {
  /** Where each listener really is: `HOST:PORT` for gRPC, else `tcp://HOST:PORT` or `http://HOST:PORT`. */
  readonly addresses: {
    readonly grpc: string
    readonly seneca: readonly string[]
    /** Absent where it is off. */
    readonly http?: string
  }
  /** Ends calls, then the store. */
  close(): Promise<void>
}

/** Builds every part of a server from its configuration, and starts it. */
export async function startNode(config: Config, log: Logger): Promise<Node> {
  const closers = new Closers()
  try {
    const clock = new EpochClock(
      { genesisMs: config.epochGenesisMs, lengthMs: config.epochLengthMs },
      Date.now,
    )
    // The store's lock comes first: two servers must not both make the keys of one directory.
    const store = await LevelStore.open(join(config.dataDir, 'store'), {
      epochs: clock.settings,
      onFailure: (err) => log.error({ event: 'store-failed', err }, 'writes are refused for now'),
      onRecovery: () => log.info({ event: 'store-recovered' }, 'writes go on'),
    })
    closers.add(() => store.close())
    const isNew = (await store.countOpen()) === 0
    const { identity, sealingKeys } = await openServerKeys(config, isNew)
    const audit = await openAuditLog(config.auditLog, Date.now, (err) =>
      log.error({ event: 'audit-failed', err }, 'nothing that is audited is done for now'),
    )
    closers.add(() => audit.close())
    const sessions = new Sessions(
      {
        store,
        audit,
        clock,
        owners: openOwners(config.owners, log, closers),
        randomBytes: sodiumRandomBytes,
        publicKey: (seed) => sodiumEd25519.publicKey(seed),
        seal: (seed, sessionId, token) => sealSeed(sealingKeys, seed, sessionId, token),
      },
      config,
    )
    startSweep(sessions, log, closers)
    const verify = schemeVerifier(sodiumEd25519)
    const onInternalError = (call: string, error: unknown) =>
      log.error({ event: 'internal-error', call, err: error }, 'a call failed')
    const services: Record<string, GrpcService> = {
      'session.Session': sessionService({
        sessions,
        clock,
        identity,
        verifiers: { body: verify, header: cachedVerify(verify, REMEMBERED_HEADERS) },
        onInternalError,
      }),
    }
    if (isLoopback(config.grpc.host)) {
      services['sessions_v1.Sessions'] = sessionsService(sessions, onInternalError)
      services['sessiond.v1.Admin'] = adminService({
        version: VERSION,
        startTimeMs: Date.now(),
        store,
        keys: () => ({ identity: identity.publicKey, sealingKey: sealingKeys.current }),
        clock: { offsetMs: () => 0, isSuspect: () => false, confirm: () => 0 },
        audit,
        caller: callerOf,
        onInternalError,
      })
    } else {
      log.warn(
        { event: 'sessions-v1-left-out' },
        'sessions_v1.Sessions and sessiond.v1.Admin ask for no credential, so they are served on loopback alone',
      )
    }
    const grpc = await startGrpcServer({
      ...config.grpc,
      services,
      limits: config,
      hooks: {
        // Any peer can bring this about.
        onLimited: (limit, peer) => log.debug({ event: 'limited', limit, peer }, 'met a limit'),
      },
    })
    closers.add(() => grpc.close(GRACE_MS))

    const hooks = {
      onInternalError,
      // Any peer can bring this about.
      onRefused: (reason: string) =>
        log.debug({ event: 'seneca-refused', reason }, 'refused a peer'),
    }
    const seneca: string[] = []
    for (const { protocol, host, port } of config.seneca) {
      const listener = await SENECA_LISTENERS[protocol](host, port, sessions, hooks)
      closers.add(() => listener.close(GRACE_MS))
      seneca.push(listener.address)
    }
    const http = await startFeed(config, store, log, closers)
    return {
      addresses: { grpc: grpc.address, seneca, ...(http !== null && { http }) },
      close: () => closers.close(),
    }
  } catch (error) {
    await closers.close()
    throw error
  }
}

/** Serves the session list; returns where, null where it is off. */
async function startFeed(
  { http, feedToken, feedPublic, feedMaxSessions }: Config,
  store: SessionStore,
  log: Logger,
  closers: Closers,
): Promise<string | null> {
  if (http === null) {
    return null
  }
  const hub = new FeedHub(store, {
    maxSessions: feedMaxSessions,
    onError: (err) => log.error({ event: 'feed-behind', err }, 'the session list is incomplete'),
  })
  closers.add(() => hub.close())
  const server = await startFeedServer(hub, {
    ...http,
    access: {
      isPublic: feedPublic,
      ...(feedToken !== null && { token: await readFeedToken(feedToken) }),
    },
    expectedVersion: VERSION,
    pages: readPages(PAGES),
    isReady: () =>
      store.countOpen().then(
        () => hub.isReady,
        () => false,
      ),
    onUsage: (usage) => log.info({ event: 'feed-usage', ...usage }, 'who watches the session list'),
  })
  closers.add(() => server.close())
  await hub.load()
  return server.address
}

/** Ends and purges what is due, over and over; a failure is told of and tried again. */
function startSweep(sessions: Sessions, log: Logger, closers: Closers): void {
  const timer = setInterval(async () => {
    try {
      const { ended, purged } = await sessions.closeExpired()
      if (ended + purged > 0) {
        log.info({ event: 'swept', ended, purged }, 'ended and purged what was due')
      }
    } catch (error) {
      log.error({ event: 'sweep-failed', err: error }, 'the sweep failed; it is tried again')
    }
  }, SWEEP_INTERVAL_MS)
  closers.add(() => clearInterval(timer))
}

function openOwners(rule: string, log: Logger, closers: Closers): OwnerPolicy {
  switch (rule) {
    case 'self-certifying':
      return selfCertifying(n3Account)
    case 'any-signer':
      log.warn(
        { event: 'any-signer' },
        'whoever signs may open a session for any owner: use this on closed networks only',
      )
      return anySigner
    default: {
      const file = followOwnersFile(rule, (outcome) => {
        if ('error' in outcome) {
          const { message } = outcome.error
          log.error({ event: 'owners-not-read', reason: message }, 'the earlier owners stay')
        } else {
          log.info(
            { event: 'owners-read', owners: outcome.owners },
            'the owners file was read anew',
          )
        }
      })
      closers.add(() => file.close())
      return listedOwners(() => file.current())
    }
  }
}
