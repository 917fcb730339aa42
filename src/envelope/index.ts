/** Signed messages: read them as they were received, verify, sign and wrap them. No server needed. */
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
