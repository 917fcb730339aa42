import type { CommandableSessions } from '../commandable/commands.js'
import type { Config } from '../config/serve-options.js'
import { VERSION } from '../config/version.js'
import type { CallObserver } from '../core/calls.js'
import type { Sessions } from '../core/commands/sessions.js'
import type { ClockGuard } from '../core/endings/clock-guard.js'
import { Deadlines } from '../core/endings/deadlines.js'
import type { EpochClock } from '../core/epoch.js'
import type { Audit } from '../core/operators/audit.js'
import { type OperatorCredential, operatorRule } from '../core/operators/trust.js'
import { resealAll } from '../core/upkeep/reseal.js'
import { eraseSubject, exportSubject } from '../core/upkeep/subject.js'
import { resealSeed } from '../crypto/seal.js'
import type { GrpcService } from '../grpc/pipeline/contracts.js'
import { type AdminPorts, adminService } from '../grpc/services/admin/admin.js'
import { commandableService } from '../grpc/services/commandable.js'
import { sessionsService } from '../grpc/services/sessions.js'
import { sealCheck } from '../keys/seal-check.js'
import type { ServerKeys } from '../keys/server-keys.js'
import { isLoopback } from '../net/loopback.js'
import type { Logger } from '../observability/log.js'
import type { ServedStore } from '../stores/engine.js'

export interface AdminParts {
  readonly store: ServedStore
  readonly sessions: Sessions
  readonly commandable: CommandableSessions
  readonly audit: Audit
  readonly keys: ServerKeys
  readonly clock: EpochClock
  readonly guard: ClockGuard
  readonly observer: CallObserver
  /** null: none is configured. */
  readonly credential: OperatorCredential | null
}

/**
 * The services for operators, by full name: none beyond loopback where there is no credential to show.
 */
export function adminServices(
  config: Config,
  parts: AdminParts,
  log: Logger,
): Record<string, GrpcService> {
  const { store, sessions, keys, clock, credential, observer, audit } = parts
  const admit = operatorRule(credential, 'path' in config.grpc || isLoopback(config.grpc.host))
  if (admit === null) {
    log.warn(
      { event: 'admin-left-out' },
      'sessions_v1.Sessions, commandable.Commandable and sessiond.v1.Admin are not served beyond loopback without --admin-token-file or --tls-client-ca',
    )
    return {}
  }
  const deadlines = new Deadlines(clock, config)
  const admin: AdminPorts = {
    version: VERSION,
    startTimeMs: Date.now(),
    store,
    backup: () => store.backup(Date.now()),
    check: () =>
      store.check({
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
    exportSubject: (userId) => exportSubject(store, deadlines, userId),
    eraseSubject: (userId) => eraseSubject(store, userId),
    clock: parts.guard,
  }
  const pipeline = { observer, admit, audit }
  return {
    'sessions_v1.Sessions': sessionsService(sessions, pipeline),
    'commandable.Commandable': commandableService(parts.commandable, pipeline),
    'sessiond.v1.Admin': adminService(admin, pipeline),
  }
}
