/** The SDK: `import { connect, createSession } from 'sessiond/client'`. No native code. */
export { SessiondError } from '../core/errors.js'
export {
  generateKey,
  ownerIdOf,
  type PrivateKey,
  privateKeyFromPem,
  privateKeyToPem,
  publicKeyFromText,
} from '../crypto/keys.js'
export { type Connection, type ConnectOptions, connect } from './connection.js'
export { type CreatedSession, type CreateSessionOptions, createSession } from './create-session.js'
export { DeadlineError, RefusedError, UntrustedResponseError } from './errors.js'
export {
  type PreparedRequest,
  prepareRequest,
  publicKeyOf,
  type RequestOptions,
  requestToJson,
} from './request.js'
