import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAdminCredential } from './admin-credential.js'
import { openAuditLog } from './audit-log.js'
import type { Config } from './config.js'
import { Deadlines } from './core/deadlines.js'
import { EpochClock } from './core/epoch.js'
import { anySigner, listedOwners, type OwnerPolicy, selfCertifying } from './core/owner.js'
import { resealAll } from './core/reseal.js'
import { Sessions } from './core/sessions.js'
import type { SessionStore } from './core/store.js'
import { eraseSubject, exportSubject } from './core/subject.js'
import { n3Account } from './crypto/n3.js'
import { cachedVerify, schemeVerifier } from './crypto/schemes.js'
import { resealSeed, sealSeed } from './crypto/seal.js'
import { sodiumEd25519, sodiumRandomBytes } from './crypto/sodium.js'
import { adminOf } from './feed/access.js'
import { FeedHub } from './feed/hub.js'
import { readPages } from './feed/pages.js'
import { type FeedServerOptions, startFeedServer } from './feed/server.js'
import { adminService } from './grpc/admin.js'
import { forAdmins } from './grpc/admin-access.js'
import { callerOf } from './grpc/caller.js'
import { TlsServerCredentials } from './grpc/credentials.js'
import { identityService } from './grpc/identity.js'
import { type GrpcService, startGrpcServer } from './grpc/server.js'
import { sessionService } from './grpc/session.js'
import { sessionsService } from './grpc/sessions.js'
import { Closers } from './lifecycle.js'
import type { Logger } from './log.js'
import { isLoopback } from './loopback.js'
import { followOwnersFile } from './owners-file.js'
import { sealCheck } from './seal-check.js'
import { SENECA_LISTENERS } from './seneca/listeners.js'
import { openServerKeys } from './server-keys.js'
import { backUp } from './stores/level/backup.js'
import { checkStore } from './stores/level/check.js'
import { LevelStore } from './stores/level/store.js'
import { followTls } from './tls.js'
import { readTokenFile } from './token-file.js'
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
  /** Where each listener really is: `HOST:PORT` for gRPC, else `tcp://…`, `http://…` or `https://HOST:PORT`. */
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
    const tls = config.tls === null ? null : followTls(config.tls, log)
    closers.add(() => tls?.close())
    const credential = openAdminCredential(config, log, closers)
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
    const keys = await openServerKeys(config, isNew)
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
        seal: (seed, sessionId, token) => sealSeed(keys.sealing.keys, seed, sessionId, token),
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
        identity: () => keys.identity.current,
        verifiers: { body: verify, header: cachedVerify(verify, REMEMBERED_HEADERS) },
        onInternalError,
      }),
      'sessiond.v1.Identity': identityService(keys.identity, onInternalError),
    }
    const isOpen = isLoopback(config.grpc.host)
    if (isOpen || credential !== null) {
      const access = {
        ...(credential ?? { proofOf: () => null, wanted: '' }),
        isRequired: !isOpen,
        onInternalError,
      }
      services['sessions_v1.Sessions'] = forAdmins(
        sessionsService(sessions, onInternalError),
        access,
      )
      const deadlines = new Deadlines(clock, config)
      const admin = adminService({
        version: VERSION,
        startTimeMs: Date.now(),
        store,
        backup: () => backUp(() => store.view(), clock.settings, Date.now()),
        check: () =>
          checkStore(() => store.view(), {
            dueMs: (session) => deadlines.dueMs(session),
            trySeal: sealCheck(() => keys.sealing.keys),
          }),
        keys: () => {
          const { current, next } = keys.identity
          return {
            identity: current.publicKey,
            ...(next && { nextIdentity: next.publicKey }),
            sealingKey: keys.sealing.keys.current,
          }
        },
        identity: keys.identity,
        rotateSealingKey: keys.sealing.rotate,
        resealAll: () =>
          resealAll({
            store,
            currentKey: () => keys.sealing.keys.current,
            reseal: (seal, id, token) => resealSeed(keys.sealing.keys, seal, id, token),
          }),
        exportSubject: (userId) => exportSubject(store, userId),
        eraseSubject: (userId) => eraseSubject(store, userId),
        clock: { offsetMs: () => 0, isSuspect: () => false, confirm: () => 0 },
        audit,
        caller: callerOf,
        onInternalError,
      })
      services['sessiond.v1.Admin'] = forAdmins(admin, access)
    } else {
      log.warn(
        { event: 'admin-left-out' },
        'sessions_v1.Sessions and sessiond.v1.Admin are not served beyond loopback without --admin-token-file or --tls-client-ca',
      )
    }
    const grpc = await startGrpcServer(
      config.grpc.host,
      config.grpc.port,
      services,
      tls === null ? {} : { credentials: new TlsServerCredentials(tls) },
    )
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
    const http = await startFeed(
      config,
      store,
      {
        tls,
        ...(credential && {
          operator: {
            sessions,
            admin: (request: IncomingMessage) => adminOf(request, credential.proofOf),
            onInternalError,
          },
        }),
      },
      log,
      closers,
    )
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
  options: Pick<FeedServerOptions, 'tls' | 'operator'>,
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
    ...options,
    access: {
      isPublic: feedPublic,
      ...(feedToken !== null && { token: readTokenFile(feedToken) }),
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
          const reason = (outcome.error as Error).message
          log.error({ event: 'owners-not-read', reason }, 'the earlier owners stay')
        } else {
          const owners = outcome.value.size
          log.info({ event: 'owners-read', owners }, 'the owners file was read anew')
        }
      })
      closers.add(() => file.close())
      return listedOwners(() => file.current())
    }
  }
}
