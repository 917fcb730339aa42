import { createHash } from 'node:crypto'
import type { SignedMessage } from './message.js'

/**
 * What ties a response to its request, as the response's x-header `request`: SHA-256 over the body
 * followed by the original sender's meta header, in lower-case hex. Hops do not change it.
 */
export function requestDigest({ body, innermost }: SignedMessage): string {
  return createHash('sha256').update(body).update(innermost.meta).digest('hex')
}
