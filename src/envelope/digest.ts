import { createHash, type Hash, hash } from 'node:crypto'
import type { SignedMessage } from './message.js'

/** What the digest is over: parts of a message that was read, or of one that is being made. */
interface DigestedParts {
  readonly body: Uint8Array
  readonly innermost: Pick<SignedMessage['innermost'], 'meta'>
}

/**
 * The digest that ties a response to its request, in the response's x-header `request`: SHA-256 over the body followed
 * by the original sender's meta header, as 64 lower-case hex digits. It is the same before and after a request was
 * forwarded. Servers answer with it if the request has an idempotency key.
 *
 * @example
 * ```ts
 * import { readCreateRequest, readCreateResponse, requestDigest } from 'sessiond/envelope'
 *
 * export function isAnswerTo(request: Uint8Array, response: Uint8Array): boolean {
 *   return readCreateResponse(response).answers === requestDigest(readCreateRequest(request).message)
 * }
 * ```
 */
export function requestDigest(message: DigestedParts): string {
  return hashed(message).digest('hex')
}

/** The same as 32 bytes. */
export function requestDigestBytes(message: DigestedParts): Buffer {
  return Buffer.from(hashed(message).digest('binary'), 'binary')
}

/** SHA-256, 32 bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  // By way of text: a Buffer from OpenSSL has memory of its own outside the heap, which costs four times as much.
  return Buffer.from(hash('sha256', bytes, 'binary'), 'binary')
}

function hashed({ body, innermost }: DigestedParts): Hash {
  return createHash('sha256').update(body).update(innermost.meta)
}
