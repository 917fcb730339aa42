import type { Config } from '../config/serve-options.js'
import { openAdminCredential } from '../credentials/admin-credential.js'
import { openTls } from '../credentials/tls.js'
import { type CutCalls, Lifecycle } from '../net/lifecycle.js'
import { sleep } from '../net/timers.js'
import type { Logger } from '../observability/log.js'
import { openBackend } from './backend.js'
import { clockFinding } from './clock.js'
import { openContext } from './context.js'
import { startFeed } from './feed.js'
import { startGrpc } from './grpc.js'
import { startSeneca } from './seneca.js'
import { openTokenDesk } from './tokens.js'

/** A running server. */
export interface Node {
  /**
   * The bound addresses: `HOST:PORT` or `unix:PATH` for gRPC, others with a scheme, such as `tcp://HOST:PORT`. Several
   * addresses of one name are joined with commas.
   */
  readonly addresses: {
    readonly grpc: string
    readonly seneca: readonly string[]
    /** Absent where it is off. */
    readonly http?: string
  }
  /**
   * Reports NOT_SERVING and serves on for the drain delay, then lets calls finish within the grace period, and closes
   * the store. `force` ends both waits at once. Returns how many calls it cut.
   */
  close(force?: AbortSignal): Promise<CutCalls>
}

/**
 * Builds the parts of a server from its configuration and starts them. `stop` ends the wait for the store's lock with an
 * AbortError.
 */
export async function startNode(config: Config, log: Logger, stop?: AbortSignal): Promise<Node> {
  const lifecycle = new Lifecycle()
  let isStopping = false
  let isStoreServing = true
  try {
    const context = openContext(config, log, lifecycle)
    const tls = openTls(config, log, lifecycle)
    const credential = openAdminCredential(config, log, lifecycle)
    const backend = await openBackend(context, stop)
    const { store, audit, guard, expiry } = backend
    const desk = openTokenDesk(context, backend)
    const { server: grpc, live } = await startGrpc(context, backend, tls, credential, desk)
    store.watch((isServing) => {
      isStoreServing = isServing
      grpc.setServing(isServing && !isStopping)
    })
    const seneca = await startSeneca(context, backend.sessions)
    const feed = await startFeed(context, backend, {
      tls,
      credential,
      desk,
      isServing: () => !isStopping && isStoreServing,
      findings: () => [
        ...(guard.isSuspect() ? [clockFinding(guard.offsetMs())] : []),
        ...store.health().findings,
      ],
    })
    if (feed !== null) {
      desk.servedAt(feed.address)
      context.metrics.readFrom({
        store,
        audit,
        swept: () => expiry.sweep.done,
        ended: () => expiry.ended.all,
        signatures: desk.signatures,
        clock: guard,
        grpc: () => grpc.report(),
        watch: () => live.report(),
        feed: () => feed.report(),
      })
    }
    return {
      addresses: {
        ...{ grpc: grpc.address, seneca },
        ...(feed !== null && { http: pageAddress(feed.address, config.httpPath) }),
      },
      async close(force) {
        isStopping = true
        grpc.setServing(false)
        await sleep(config.drainDelayMs, force).catch(() => {})
        return lifecycle.close(config.graceMs, force)
      },
    }
  } catch (error) {
    await lifecycle.close(0)
    throw error
  }
}

/** Where the page is, at each address of the HTTP port. */
function pageAddress(addresses: string, path: string): string {
  return addresses
    .split(',')
    .map((address) => `${address}${path}`)
    .join(',')
}
