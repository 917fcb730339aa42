/**
 * `sessiond/envelope`: reads, verifies, signs and forwards signed messages. Pure JavaScript; it needs no server.
 *
 * A message is read in two steps. `readCreateRequest` checks its form and takes it apart; `verifyChain` then checks
 * its signatures. Believe nothing of a message before both have passed. docs/protocol.md describes the bytes.
 */
export { SessiondError } from '../core/errors.js'
export type { Ed25519, Signer } from '../crypto/ed25519.js'
export { n3Account } from '../crypto/n3.js'
export { nodeEd25519 } from '../crypto/node-ed25519.js'
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
export { MAX_MESSAGE_BYTES } from './shapes.js'
export { createResponseSigner, type MessageParts, signRequest } from './sign.js'
export { MAX_LEVELS } from './walk.js'
export { wrapRequest } from './wrap.js'
