/**
 * Signed messages: read them as they were received, verify, sign and wrap them. No server needed.
 * `import { readCreateRequest, verifyChain } from 'sessiond/envelope'`; pure JavaScript.
 */
export { SessiondError } from '../core/errors.js'
export type { Ed25519, Signer } from '../crypto/ed25519.js'
export { n3Account } from '../crypto/n3.js'
export { type P256Form, p256PublicKey, p256Signer } from '../crypto/p256.js'
export { cachedVerify, schemeVerifier, type Verify } from '../crypto/schemes.js'
export { naclEd25519 } from '../crypto/tweetnacl.js'
export { type ChainVerifiers, verifyChain } from './chain.js'
export {
  type CreateRequestEnvelope,
  type CreateResponseEnvelope,
  readCreateRequest,
  readCreateResponse,
} from './create.js'
export { requestDigest } from './digest.js'
export type { Level, SignatureBytes, SignedMessage } from './message.js'
export { createResponseSigner, type MessageParts, signRequest } from './sign.js'
export { MAX_LEVELS, MAX_MESSAGE_BYTES } from './walk.js'
export { wrapRequest } from './wrap.js'
