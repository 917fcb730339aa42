import { randomUUID } from 'node:crypto'
import { type AuditLog, openAuditLog } from '../audit/audit-log.js'
import { type CommandableSessions, commandableSessions } from '../commandable/commands.js'
import { epochSettings } from '../config/epoch-settings.js'
import { Sessions } from '../core/commands/sessions.js'
import type { CreateClaim } from '../core/create/claim.js'
import { type CreatePorts, createSession, type TokenSession } from '../core/create/create.js'
import type { OwnerPolicy } from '../core/create/owner.js'
import type { ClockGuard } from '../core/endings/clock-guard.js'
import { Expiry } from '../core/endings/expiry.js'
import { EpochClock } from '../core/epoch.js'
import { withIdBits } from '../core/uuid.js'
import { openServerKeys, type ServerKeys } from '../keys/server-keys.js'
import type { ServedStore } from '../stores/engine.js'
import { guardClock } from './clock.js'
import type { ServerContext } from './context.js'
import { openOwners } from './owners.js'
import { damageLog, openStore } from './store.js'
import { startSweep } from './sweep.js'

/** The parts of a server that every transport uses. */
export interface Backend {
  readonly store: ServedStore
  readonly keys: ServerKeys
  readonly audit: AuditLog
  readonly guard: ClockGuard
  readonly clock: EpochClock
  readonly expiry: Expiry
  readonly owners: OwnerPolicy
  /** The id of a user's next session, as the store would have it. */
  readonly newId: (userId: string) => string
  /** Create. */
  readonly create: (claim: CreateClaim) => Promise<TokenSession>
  /** The sessions commands. */
  readonly sessions: Sessions
  /** The same, by name. */
  readonly commandable: CommandableSessions
}

/** Opens store, keys and audit log. `stop` ends the wait for the store's lock with an AbortError. */
export async function openBackend(context: ServerContext, stop?: AbortSignal): Promise<Backend> {
  const { config, log, metrics, lifecycle } = context
  let audit: AuditLog | undefined
  // Added before the store, so that it closes after it and still gets what the last calls did.
  lifecycle.add(() => audit?.close())
  const epochs = epochSettings(config)
  // Before the keys: the store's lock keeps two servers from both making keys in one directory.
  const store = await openStore(config, epochs, metrics, log, stop)
  lifecycle.add(() => store.close())
  const guard = await guardClock(store, config.maxEpochDriftMs, log)
  const clock = new EpochClock(epochs, Date.now, () => guard.isSuspect())
  const keys = await openKeys(context, store)
  audit = await openAuditLog(config.auditLog, {
    nowMs: Date.now,
    onFailure(err) {
      metrics.auditFailed()
      log.error({ event: 'audit-failed', err }, 'nothing that is audited is done for now')
    },
    onRecovery: () => log.info({ event: 'audit-recovered' }, 'audit entries are written again'),
  })
  const expiry = new Expiry(store, clock, config, damageLog(log))
  const owners = openOwners(config.owners, log, lifecycle)
  const createPorts: CreatePorts = { expiry, clock, owners }
  const newId = (userId: string) => newIdIn(store, userId)
  const ports = { store, expiry, audit, clock, newId }
  const sessions = new Sessions(ports, config)
  startSweep(context, sessions)
  return {
    ...{ store, keys, audit, guard, clock, expiry, owners, newId, sessions },
    create: (claim) => createSession(claim, createPorts, config),
    commandable: commandableSessions(sessions),
  }
}

/** The server's keys; those that are added to the file of sealing keys while it runs are used from then on. */
async function openKeys(
  { config, log, lifecycle }: ServerContext,
  store: ServedStore,
): Promise<ServerKeys> {
  const keys = await openServerKeys(config, store)
  if (keys.missing.length > 0) {
    log.error(
      { event: 'sealing-keys-missing', keys: keys.missing.join(', ') },
      `sessions are sealed with keys that ${config.sealingKeys} lacks: put the file of the other servers there`,
    )
  }
  const stop = keys.sealing.follow((outcome) => {
    if ('error' in outcome) {
      const reason = (outcome.error as Error).message
      log.error({ event: 'sealing-keys-not-read', reason }, 'the earlier sealing keys stay')
    } else {
      const { current } = outcome.value
      log.info(
        { event: 'sealing-keys-read', current },
        'the file of sealing keys has a new current key',
      )
    }
  })
  lifecycle.add(stop)
  return keys
}

/** The id of a user's next session, as the store would have it. */
function newIdIn(store: ServedStore, userId: string): string {
  return store.idBits === undefined ? randomUUID() : withIdBits(randomUUID(), store.idBits(userId))
}
