/** The SDK: `import { connect, createSession } from 'sessiond/client'`. No native code. */
export { ServerUnavailableError, SessiondError } from '../core/errors.js'
export {
  generateKey,
  ownerIdOf,
  type PrivateKey,
  privateKeyFromPem,
  privateKeyToPem,
  publicKeyFromText,
} from '../crypto/keys.js'
export { AdminClient, type CheckFinding, type ServerStatus } from './admin/admin.js'
export {
  type IdentityChange,
  type ResealProgress,
  reseal,
  rotateIdentity,
  rotateSealingKey,
} from './admin/admin-keys.js'
export { type ErasedCounts, eraseUser, exportUser } from './admin/admin-users.js'
export {
  type Connection,
  type ConnectOptions,
  connect,
  type TlsOptions,
} from './connection/connection.js'
export { type CreatedSession, type CreateSessionOptions, createSession } from './create-session.js'
export {
  CommandError,
  DeadlineError,
  RefusedError,
  UnprotectedTokenError,
  UntrustedResponseError,
} from './errors.js'
export {
  type PreparedRequest,
  prepareRequest,
  publicKeyOf,
  type RequestOptions,
  requestToJson,
} from './request.js'
export { fetchServerKeys } from './server-keys.js'
export {
  type ListOptions,
  type OpenOptions,
  type SessionInfo,
  type SessionInfoPage,
  SessionsClient,
} from './sessions.js'
