/** The SDK: `import { connect, createSession } from 'sessiond/client'`. No native code. */
export { ServerUnavailableError, SessiondError } from '../core/errors.js'
export { ownerText, userIdsNamed } from '../core/owner-text.js'
export {
  generateKey,
  ownerIdOf,
  type PrivateKey,
  privateKeyFromPem,
  privateKeyToPem,
  publicKeyFromText,
  signerOf,
} from '../crypto/keys.js'
export type { TokenSession, TokenSigner } from '../tokens/issue.js'
export { AdminClient, type CheckFinding, type ServerStatus } from './admin/admin-client.js'
export {
  type IdentityChange,
  type ResealProgress,
  reseal,
  rotateIdentity,
  rotateSealingKey,
} from './admin/rotate-keys.js'
export { type ErasedCounts, type EraseOptions, eraseUser, exportUser } from './admin/users.js'
export {
  type Connection,
  type ConnectOptions,
  connect,
  type TlsOptions,
} from './connection/connect.js'
export type { CallOptions } from './connection/patient-call.js'
export { type CreatedSession, type CreateSessionOptions, createSession } from './create-session.js'
export {
  CommandError,
  DeadlineError,
  RefusedError,
  UnprotectedTokenError,
  UntrustedResponseError,
} from './errors.js'
export { fetchServerKeys } from './fetch-server-keys.js'
export type { ListAllOptions } from './list-all.js'
export {
  type PreparedRequest,
  prepareRequest,
  publicKeyOf,
  type RequestOptions,
  requestToJson,
} from './request.js'
export type {
  ListOptions,
  OfUser,
  OpenOptions,
  SessionEnding,
  SessionInfo,
  SessionInfoPage,
} from './session-info.js'
export { SessionsClient } from './sessions-client.js'
export type { OwnedSession, RevokedSession, SessionState } from './tokens/answers.js'
export type {
  BindOptions,
  JwtOptions,
  ListOwnedOptions,
  SignOptions,
  Subject,
} from './tokens/options.js'
export { TokensClient } from './tokens/tokens-client.js'
