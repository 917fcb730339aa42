/** The SDK: `import { connect, createSession } from 'sessiond/client'`. No native code. */
export { type ErrorCode, ServerUnavailableError, SessiondError } from '../core/errors.js'
export { ownerFromText, ownerText, userIdsNamed } from '../core/owner-text.js'
export {
  generateKey,
  ownerIdOf,
  type PrivateKey,
  privateKeyFromPem,
  privateKeyToPem,
  signerOf,
} from '../crypto/keys.js'
export { publicKeyFromText, publicKeyToText } from '../crypto/public-key.js'
export type { TokenSession, TokenSigner } from '../tokens/issue.js'
export {
  AdminClient,
  type CheckFinding,
  type ServerStatus,
  type StreamOptions,
} from './admin/admin-client.js'
export {
  type IdentityChange,
  type ResealProgress,
  reseal,
  rotateIdentity,
  rotateSealingKey,
} from './admin/rotate-keys.js'
export { type ErasedCounts, type EraseOptions, eraseUser, exportUser } from './admin/users.js'
export { fromBase58, toBase58 } from './base58.js'
export type { CallOptions } from './connection/ask.js'
export { type Connection, type ConnectOptions, connect } from './connection/connect.js'
export type { RetryPolicy } from './connection/retry.js'
export type { TlsOptions } from './connection/tls-credentials.js'
export { type CreateSessionOptions, createSession } from './create-session.js'
export {
  CreatedSession,
  type CreatedSessionJson,
  type KeyedSessionJson,
} from './created-session.js'
export {
  CommandError,
  ConnectionClosedError,
  RefusedError,
  UnprotectedTokenError,
  UntrustedResponseError,
} from './errors.js'
export { fetchServerKeys } from './fetch-server-keys.js'
export {
  type PreparedRequest,
  prepareRequest,
  publicKeyOf,
  type RequestOptions,
  requestToJson,
  type SessionLifetime,
} from './request.js'
export type { ListAllOptions } from './sessions/list-all.js'
export type {
  ListOptions,
  OfUser,
  OpenOptions,
  SessionEnding,
  SessionInfo,
  SessionInfoPage,
} from './sessions/session-info.js'
export { SessionsClient } from './sessions/sessions-client.js'
export type { KeyedSession, OwnedSession, RevokedSession, SessionState } from './tokens/answers.js'
export type {
  BindOptions,
  JwtOptions,
  ListOwnedOptions,
  SignOptions,
  Subject,
} from './tokens/options.js'
export { TokensClient } from './tokens/tokens-client.js'
export type { WatchEndingsEvent, WatchEndingsOptions } from './tokens/watch-endings.js'
