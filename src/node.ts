import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openAuditLog } from './audit-log.js'
import { clockFinding, guardClock } from './clock.js'
import type { Config } from './config.js'
import { Deadlines } from './core/deadlines.js'
import { EpochClock } from './core/epoch.js'
import { ClockSuspectError } from './core/errors.js'
import { anySigner, listedOwners, type OwnerPolicy, selfCertifying } from './core/owner.js'
import { resealAll } from './core/reseal.js'
import { Sessions } from './core/sessions.js'
import { eraseSubject, exportSubject } from './core/subject.js'
import type { Signer } from './crypto/ed25519.js'
import { n3Account } from './crypto/n3.js'
import { cachedVerify, schemeVerifier, type Verify } from './crypto/schemes.js'
import { resealSeed, sealSeed } from './crypto/seal.js'
import { sodiumEd25519, sodiumRandomBytes } from './crypto/sodium.js'
import { namesThisMachine } from './feed/access.js'
import { FeedHub } from './feed/hub.js'
import { readPages } from './feed/pages.js'
import { type FeedServer, startFeedServer } from './feed/server.js'
import { readFeedToken } from './feed-token.js'
import { adminService } from './grpc/admin.js'
import { callerOf } from './grpc/caller.js'
import { identityService } from './grpc/identity.js'
import { type GrpcService, startGrpcServer } from './grpc/server.js'
import { sessionService } from './grpc/session.js'
import { sessionsService } from './grpc/sessions.js'
import { type CutCalls, Lifecycle } from './lifecycle.js'
import type { Logger } from './log.js'
import { isLoopback } from './loopback.js'
import { Metrics } from './metrics.js'
import { observeCalls } from './observe-calls.js'
import { followOwnersFile } from './owners-file.js'
import { sealCheck } from './seal-check.js'
import { Secret } from './secret.js'
import { SENECA_LISTENERS } from './seneca/listeners.js'
import { openServerKeys } from './server-keys.js'
import { backUp } from './stores/level/backup.js'
import { checkStore } from './stores/level/check.js'
import { LevelStore } from './stores/level/store.js'
import { inSpan, openSpan } from './trace.js'
import { VERSION } from './version.js'
import { waitForLock } from './wait-for-lock.js'

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
  /**
   * Says NOT_SERVING and goes on for the drain delay, then lets calls finish within the grace period, and
   * closes the store. `force` ends both waits at once. Returns what was cut.
   */
  close(force?: AbortSignal): Promise<CutCalls>
}

/**
 * Builds every part of a server from its configuration, and starts it. `stop` ends a wait for the lock of
 * the store, with an AbortError.
 */
export async function startNode(config: Config, log: Logger, stop?: AbortSignal): Promise<Node> {
  const lifecycle = new Lifecycle()
  let isStopping = false
  try {
    const metrics = new Metrics(VERSION)
    const observer = observeCalls(log, metrics)
    const epochs = { genesisMs: config.epochGenesisMs, lengthMs: config.epochLengthMs }
    let closeAudit = async () => {}
    // Later than the store: what its last calls did is still written down.
    lifecycle.add(() => closeAudit())
    // The store's lock comes first: two servers must not both make the keys of one directory.
    const store = await waitForLock(
      () =>
        LevelStore.open(join(config.dataDir, 'store'), {
          epochs,
          onFailure(err) {
            metrics.storeFailed()
            log.error({ event: 'store-failed', err }, 'writes are refused for now')
          },
          onRecovery: () => log.info({ event: 'store-recovered' }, 'writes go on'),
          onCommit: (durationMs, writes) => metrics.committed(durationMs, writes),
          onWrite: () => openSpan('store commit'),
        }),
      config.waitForLockMs,
      {
        sleep: (ms) => sleep(ms, undefined, { ...(stop && { signal: stop }) }),
        onWaiting: (waitedMs) =>
          log.info(
            { event: 'waiting-for-lock', waitedMs },
            'another server has the data directory',
          ),
      },
    )
    lifecycle.add(() => store.close())
    const guard = await guardClock(store, config.maxEpochDriftMs, log)
    const clock = new EpochClock(epochs, Date.now, () => guard.isSuspect())
    const isNew = (await store.countOpen()) === 0
    const keys = await openServerKeys(config, isNew)
    const audit = await openAuditLog(config.auditLog, {
      nowMs: Date.now,
      onFailure(err) {
        metrics.auditFailed()
        log.error({ event: 'audit-failed', err }, 'nothing that is audited is done for now')
      },
      onRecovery: () => log.info({ event: 'audit-recovered' }, 'audit entries are written again'),
    })
    closeAudit = () => audit.close()
    const sessions = new Sessions(
      {
        store,
        audit,
        clock,
        owners: openOwners(config.owners, log, lifecycle),
        randomBytes: sodiumRandomBytes,
        publicKey: (seed) => sodiumEd25519.publicKey(seed),
        seal: (seed, sessionId, token) => sealSeed(keys.sealing.keys, seed, sessionId, token),
      },
      config,
    )
    startSweep(sessions, metrics, log, lifecycle)
    const check = schemeVerifier(sodiumEd25519)
    const verify = timed<Parameters<Verify>, boolean>(
      (...args) => inSpan('verify', () => check(...args)),
      (durationMs) => metrics.verified(durationMs),
    )
    const services: Record<string, GrpcService> = {
      'session.Session': sessionService({
        sessions,
        clock,
        identity: timedSigner(
          () => keys.identity.current,
          (durationMs) => metrics.signed(durationMs),
        ),
        verifiers: { body: verify, header: cachedVerify(verify, REMEMBERED_HEADERS) },
        observer,
      }),
      'sessiond.v1.Identity': identityService(keys.identity, observer),
    }
    if (isLoopback(config.grpc.host)) {
      services['sessions_v1.Sessions'] = sessionsService(sessions, observer)
      const deadlines = new Deadlines(clock, config)
      services['sessiond.v1.Admin'] = adminService({
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
        clock: guard,
        audit,
        caller: callerOf,
        observer,
      })
    } else {
      log.warn(
        { event: 'sessions-v1-left-out' },
        'sessions_v1.Sessions and sessiond.v1.Admin ask for no credential, so they are served on loopback alone',
      )
    }
    const grpc = await startGrpcServer(config.grpc.host, config.grpc.port, services)
    lifecycle.listens(grpc)

    const hooks = {
      observer,
      // Any peer can bring this about.
      onRefused(reason: string) {
        metrics.senecaPeerRefused()
        log.debug({ event: 'seneca-refused', reason }, 'refused a peer')
      },
    }
    const seneca: string[] = []
    for (const { protocol, host, port } of config.seneca) {
      const listener = await SENECA_LISTENERS[protocol](host, port, sessions, hooks)
      lifecycle.listens(listener)
      seneca.push(listener.address)
    }
    const probes = {
      isServing: () => !isStopping,
      findings: () => (guard.isSuspect() ? [clockFinding(guard.offsetMs())] : []),
    }
    const feed = await startFeed(config, store, probes, metrics, log, lifecycle)
    if (feed !== null) {
      const swept = () => sessions.swept
      metrics.follow({ store, audit, swept, clock: guard, feed: () => feed.report() })
    }
    return {
      addresses: { grpc: grpc.address, seneca, ...(feed !== null && { http: feed.address }) },
      async close(force) {
        isStopping = true
        grpc.stopServing()
        await pause(config.drainDelayMs, force)
        return lifecycle.close(config.graceMs, force)
      },
    }
  } catch (error) {
    await lifecycle.close(0)
    throw error
  }
}

/** Serves the session list; null where it is off. */
async function startFeed(
  { http, feedToken, feedPublic, feedMaxSessions }: Config,
  store: LevelStore,
  probes: { readonly isServing: () => boolean; readonly findings: () => readonly string[] },
  metrics: Metrics,
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
  const server = await startFeedServer(hub, {
    ...http,
    access: {
      isPublic: feedPublic,
      ...(feedToken !== null && { token: new Secret(await readFeedToken(feedToken)) }),
    },
    expectedVersion: VERSION,
    pages: readPages(PAGES),
    isReady: () =>
      store.countOpen().then(
        () => hub.isReady && probes.isServing(),
        () => false,
      ),
    metrics: {
      // Behind a proxy on this machine every peer is local: the name that was asked for is not.
      mayRead: (request) => isLoopback(http.host) && namesThisMachine(request),
      contentType: metrics.contentType,
      text: () => metrics.text(),
    },
    findings: probes.findings,
    onUsage: (usage) => log.info({ event: 'feed-usage', ...usage }, 'who watches the session list'),
  })
  lifecycle.listens(server)
  await hub.load()
  return server
}

/** Ends and purges what is due, over and over; a failure is told of and tried again. */
function startSweep(sessions: Sessions, metrics: Metrics, log: Logger, lifecycle: Lifecycle): void {
  const stop = new AbortController()
  let sweeping = Promise.resolve()
  const sweep = async () => {
    try {
      const startMs = performance.now()
      const { ended, purged } = await sessions.closeExpired(stop.signal)
      metrics.sweepEnded(performance.now() - startMs)
      if (ended + purged > 0) {
        log.info({ event: 'swept', ended, purged }, 'ended and purged what was due')
      }
    } catch (error) {
      // That the clock is suspect was told of when it became so.
      if (!(error instanceof ClockSuspectError)) {
        metrics.sweepFailed()
        log.error({ event: 'sweep-failed', err: error }, 'the sweep failed; it is tried again')
      }
    }
  }
  const timer = setInterval(() => {
    sweeping = sweep()
  }, SWEEP_INTERVAL_MS)
  lifecycle.add(() => {
    clearInterval(timer)
    stop.abort()
    return sweeping
  })
}

/** The same function, which tells how long it took. */
function timed<Args extends unknown[], Result>(
  run: (...args: Args) => Result,
  onTimed: (durationMs: number) => void,
): (...args: Args) => Result {
  return (...args) => {
    const startMs = performance.now()
    const result = run(...args)
    onTimed(performance.now() - startMs)
    return result
  }
}

/** Who signs now, timed: the same one while it is the same, since what recurs is signed once for each. */
function timedSigner(current: () => Signer, onSigned: (durationMs: number) => void): () => Signer {
  let signer: Signer | undefined
  let asTimed: Signer | undefined
  return () => {
    const now = current()
    if (asTimed === undefined || now !== signer) {
      signer = now
      asTimed = {
        publicKey: now.publicKey,
        sign: timed((message) => now.sign(message), onSigned),
      }
    }
    return asTimed
  }
}

/** Waits, or less long where `force` is aborted. */
async function pause(delayMs: number, force: AbortSignal | undefined): Promise<void> {
  if (delayMs > 0) {
    await sleep(delayMs, undefined, { ...(force && { signal: force }) }).catch(() => {})
  }
}

function openOwners(rule: string, log: Logger, lifecycle: Lifecycle): OwnerPolicy {
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
      lifecycle.add(() => file.close())
      return listedOwners(() => file.current())
    }
  }
}
