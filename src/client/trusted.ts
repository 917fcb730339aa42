import { hex } from '@scure/base'
import { SessiondError } from '../core/errors.js'
import { nodeEd25519 } from '../crypto/node-ed25519.js'
import { cachedVerify, schemeVerifier } from '../crypto/schemes.js'
import { type ChainVerifiers, verifyChain } from '../envelope/chain.js'
import type { SignedMessage } from '../envelope/message.js'
import type { Connection } from './connection/connect.js'
import { UntrustedResponseError } from './errors.js'

const verify = schemeVerifier(nodeEd25519)
/** What a server signs over no origin is the same in every answer; its meta headers name the request. */
const REMEMBERED_HEADERS = 100
const verifiers: ChainVerifiers = { body: verify, header: cachedVerify(verify, REMEMBERED_HEADERS) }

/** Whether a connection with these keys believes this one. */
export function isPinned(key: Uint8Array, serverKeys: Connection['serverKeys']): boolean {
  return serverKeys === 'any' || serverKeys.some((one) => Buffer.compare(one, key) === 0)
}

/** The pinned key that signed the answer, in memory of its own. Throws UntrustedResponseError, SignatureError. */
export function pinnedSigner(
  message: SignedMessage,
  serverKeys: Connection['serverKeys'],
): Uint8Array {
  const serverKey = verifyChain(message, verifiers)
  if (!isPinned(serverKey, serverKeys)) {
    const seen = hex.encode(serverKey)
    throw new UntrustedResponseError(`it is signed by ${seen}, which is not a pinned server key`)
  }
  return Uint8Array.from(serverKey)
}

/** What `read` makes of an answer. Whatever is wrong with it is an UntrustedResponseError. */
export function trusted<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof SessiondError && !(error instanceof UntrustedResponseError)) {
      throw new UntrustedResponseError(error.message, error)
    }
    throw error
  }
}
