import { VERSION } from '../config/version.js'
import { type OperatorCredential, operatorRule } from '../core/operators/trust.js'
import { type ResealProgress, resealAll } from '../core/upkeep/reseal.js'
import { countSubject, eraseSubject, exportSubject } from '../core/upkeep/subject.js'
import { CREDENTIAL_ADVICE } from '../credentials/admin-credential.js'
import { resealSeed } from '../crypto/seal.js'
import type { GrpcService } from '../grpc/pipeline/contracts.js'
import { type AdminPorts, adminService } from '../grpc/services/admin/admin.js'
import { commandableService } from '../grpc/services/commandable.js'
import { sessionsService } from '../grpc/services/sessions.js'
import { sealCheck } from '../keys/seal-check.js'
import { isLoopback } from '../net/loopback.js'
import type { Backend } from './backend.js'
import type { ServerContext } from './context.js'

/**
 * The services for operators, by full name. Beyond loopback there are none without an admin credential.
 */
export function adminServices(
  { config, log, observer }: ServerContext,
  { store, sessions, commandable, audit, keys, guard, expiry }: Backend,
  credential: OperatorCredential | null,
): Record<string, GrpcService> {
  const admit = operatorRule(
    credential,
    'path' in config.grpc || isLoopback(config.grpc.host),
    CREDENTIAL_ADVICE,
  )
  if (admit === null) {
    log.warn(
      { event: 'admin-left-out' },
      'sessions_v1.Sessions, commandable.Commandable and sessiond.v1.Admin are not served beyond loopback without --admin-token-file or --tls-client-ca',
    )
    return {}
  }
  const admin: AdminPorts = {
    version: VERSION,
    startTimeMs: Date.now(),
    store,
    backup: () => store.backup(Date.now()),
    check: (signal) =>
      store.check({
        signal,
        dueAtMs: (session) => expiry.rules.dueAtMs(session),
        endingDeadline: (session) => expiry.rules.endingDeadline(session),
        trySeal: sealCheck((sealed) => keys.sealing.knowing(sealed)),
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
    resealAll: (signal) => resealing(store, keys, signal),
    exportSubject: (userId) => exportSubject(store, expiry.rules, userId),
    countSubject: (userId) => countSubject(store, userId),
    eraseSubject: (userId) => eraseSubject(store, expiry, userId),
    clock: guard,
  }
  const pipeline = { observer, admit, audit }
  return {
    'sessions_v1.Sessions': sessionsService(sessions, pipeline),
    'commandable.Commandable': commandableService(commandable, pipeline),
    'sessiond.v1.Admin': adminService(admin, pipeline),
  }
}

/** Once every session has the current key, the older ones need not be in the files of other servers. */
async function* resealing(
  store: Backend['store'],
  { sealing }: Backend['keys'],
  signal?: AbortSignal,
): AsyncGenerator<ResealProgress, void> {
  let failed = 0
  for await (const step of resealAll({
    store,
    ...(signal && { signal }),
    currentKey: () => sealing.keys.current,
    reseal: (seal, id, token) => resealSeed(sealing.knowing(seal), seal, id, token),
  })) {
    failed = step.failed
    yield step
  }
  if (failed === 0) {
    await sealing.resealed()
  }
}
