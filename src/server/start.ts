import { setTimeout as sleep } from 'node:timers/promises'
import { openAuditLog } from '../audit/audit-log.js'
import { commandableSessions } from '../commandable/commands.js'
import type { Config } from '../config/serve-options.js'
import { VERSION } from '../config/version.js'
import { PAGE, Sessions } from '../core/commands/sessions.js'
import { type CreatePorts, createSession } from '../core/create/create.js'
import { Expiry } from '../core/endings/expiry.js'
import { EpochClock } from '../core/epoch.js'
import { openAdminCredential } from '../credentials/admin-credential.js'
import { openTls } from '../credentials/tls.js'
import { cachedVerify, schemeVerifier, type Verify } from '../crypto/schemes.js'
import { sealSeed } from '../crypto/seal.js'
import { sodiumEd25519, sodiumRandomBytes } from '../crypto/sodium.js'
import { identityService } from '../grpc/services/identity.js'
import { sessionService } from '../grpc/services/session.js'
import { TlsServerCredentials } from '../grpc/transport/credentials.js'
import { startGrpcServer } from '../grpc/transport/server.js'
import { openServerKeys } from '../keys/server-keys.js'
import { type CutCalls, Lifecycle } from '../net/lifecycle.js'
import { Unsent, unsentLimits } from '../net/unsent.js'
import type { Logger } from '../observability/log.js'
import { Metrics } from '../observability/metrics.js'
import { observeCalls } from '../observability/observe-calls.js'
import { inSpan } from '../observability/trace.js'
import { SENECA_LISTENERS } from '../seneca/listeners.js'
import { adminServices } from './admin.js'
import { clockFinding, guardClock } from './clock.js'
import { startFeed } from './feed.js'
import { openOwners } from './owners.js'
import { openStore } from './store.js'
import { startSweep } from './sweep.js'
import { timed, timedSigner } from './timed.js'

/** Header signatures that recur unchanged are checked once; about 300 bytes each, 1 KiB at most. */
const REMEMBERED_HEADERS = 10_000

/** A running server. */
export interface Node {
  /**
   * Where each listener really is: `HOST:PORT` or `unix:PATH` for gRPC, else with its scheme, such as `tcp://HOST:PORT`.
   * Of several addresses of one name with commas between.
   */
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
    const tls = openTls(config, log, lifecycle)
    const credential = openAdminCredential(config, log, lifecycle)
    let closeAudit = async () => {}
    // Later than the store: what its last calls did is still written down.
    lifecycle.add(() => closeAudit())
    const epochs = { genesisMs: config.epochGenesisMs, lengthMs: config.epochLengthMs }
    // The store's lock comes first: two servers must not both make the keys of one directory.
    const store = await openStore(config, epochs, metrics, log, stop)
    lifecycle.add(() => store.close())
    const guard = await guardClock(store, config.maxEpochDriftMs, log)
    const clock = new EpochClock(epochs, Date.now, () => guard.isSuspect())
    const keys = await openServerKeys(config, store)
    const audit = await openAuditLog(config.auditLog, {
      nowMs: Date.now,
      onFailure(err) {
        metrics.auditFailed()
        log.error({ event: 'audit-failed', err }, 'nothing that is audited is done for now')
      },
      onRecovery: () => log.info({ event: 'audit-recovered' }, 'audit entries are written again'),
    })
    closeAudit = () => audit.close()
    const expiry = new Expiry(store, clock, config, (problem) =>
      log.error({ event: 'store-damaged', problem }, 'stop the server and repair the store'),
    )
    const createPorts: CreatePorts = {
      expiry,
      clock,
      owners: openOwners(config.owners, log, lifecycle),
      randomBytes: sodiumRandomBytes,
      publicKey: (seed) => sodiumEd25519.publicKey(seed),
      seal: (seed, sessionId, token) => sealSeed(keys.sealing.keys, seed, sessionId, token),
    }
    const sessions = new Sessions(
      { store, expiry, audit, clock, randomBytes: sodiumRandomBytes },
      config,
    )
    const commandable = commandableSessions(sessions)
    startSweep(sessions, metrics, log, lifecycle)
    const check = schemeVerifier(sodiumEd25519)
    const verify = timed<Parameters<Verify>, boolean>(
      (...args) => inSpan('verify', () => check(...args)),
      (durationMs) => metrics.verified(durationMs),
    )
    const sign = timedSigner(
      () => keys.identity.current,
      (durationMs) => metrics.signed(durationMs),
    )
    // Any peer can bring this about.
    const onLimited = (limit: string, peer: string) => {
      metrics.limited(limit)
      log.info({ event: 'limited', limit, peer }, 'refused or cut off a peer')
    }
    const unsent = new Unsent(onLimited, unsentLimits(PAGE * config.maxDataBytes))
    lifecycle.add(unsent.watch())
    const grpc = await startGrpcServer({
      address: config.grpc,
      socketMode: config.grpcSocketMode,
      services: {
        'session.Session': sessionService({
          create: (claim) => createSession(claim, createPorts, config),
          clock,
          identity: sign,
          verifiers: { body: verify, header: cachedVerify(verify, REMEMBERED_HEADERS) },
          observer,
        }),
        'sessiond.v1.Identity': identityService(keys.identity, { observer }),
        ...adminServices(
          config,
          { store, sessions, commandable, audit, keys, clock, guard, observer, credential },
          log,
        ),
      },
      // Who may connect to a Unix socket is for its mode to say, and nobody is on the way.
      ...(tls !== null &&
        !('path' in config.grpc) && { credentials: new TlsServerCredentials(tls) }),
      limits: config,
      hooks: { onLimited },
      unsent,
    })
    lifecycle.listens(grpc)
    store.watch(() => grpc.stopServing())

    const hooks = {
      observer,
      allowsProxies: config.insecureCommands,
      // Any peer can bring this about.
      onRefused(reason: string) {
        metrics.senecaPeerRefused()
        log.debug({ event: 'seneca-refused', reason }, 'refused a peer')
      },
      unsent,
      onFailure: (err: unknown) => log.error({ event: 'internal-error', err }, 'an act failed'),
    }
    const seneca: string[] = []
    for (const { protocol, host, port } of config.seneca) {
      const listener = await SENECA_LISTENERS[protocol](host, port, sessions, hooks)
      lifecycle.listens(listener)
      seneca.push(...listener.addresses)
    }
    const feed = await startFeed(
      config,
      {
        store,
        sessions,
        commandable,
        observer,
        metrics,
        tls,
        credential,
        unsent,
        isServing: () => !isStopping,
        findings: () => [
          ...(guard.isSuspect() ? [clockFinding(guard.offsetMs())] : []),
          ...store.health().findings,
        ],
      },
      log,
      lifecycle,
    )
    if (feed !== null) {
      metrics.follow({
        store,
        audit,
        swept: () => expiry.sweep.done,
        clock: guard,
        grpc: () => grpc.report(),
        feed: () => feed.report(),
      })
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

/** Waits, or less long where `force` is aborted. */
async function pause(delayMs: number, force: AbortSignal | undefined): Promise<void> {
  if (delayMs > 0) {
    await sleep(delayMs, undefined, { ...(force && { signal: force }) }).catch(() => {})
  }
}
