import { LRUCache } from 'lru-cache'
import {
  ownerFault,
  proofFault,
  signatureFault,
  type TokenCheckOptions,
  type TokenUse,
  type TokenVerdict,
  tryRead,
  useFault,
} from './check.js'
import { MAX_TOKEN_BYTES, type SessionToken } from './token.js'

const DEFAULT_CACHE_BYTES = 16 * 1024 * 1024
/** Of an entry beside the token's bytes and its name: objects of the token, the cache and V8. */
const ENTRY_OVERHEAD_BYTES = 1500

/** How many verified tokens to remember, beside what `checkToken` takes. */
export interface TokenCheckerOptions extends TokenCheckOptions {
  /** Memory for verified tokens, in bytes; about 2,000 each. Default: 16 MiB. */
  readonly cacheBytes?: number
}

/**
 * Checks tokens as `checkToken` does, and remembers those whose owner's signature it has verified. Lifetime, verb, object
 * and proof are checked each time. Tokens that are refused are never remembered: strangers could push out good ones.
 *
 * @example
 * ```ts
 * import { epochNow, TokenChecker } from 'sessiond/token'
 *
 * const checker = new TokenChecker({ cacheBytes: 64 * 1024 * 1024 })
 *
 * export function mayGet(token: Uint8Array): boolean {
 *   return checker.check(token, { verb: 'OBJECT_GET', epoch: epochNow(), proof: 'not-asked' }).isGood
 * }
 * ```
 */
export class TokenChecker {
  private readonly verified: LRUCache<string, SessionToken>

  constructor(private readonly options: TokenCheckerOptions = {}) {
    const { cacheBytes = DEFAULT_CACHE_BYTES } = options
    this.verified = new LRUCache({
      maxSize: cacheBytes,
      sizeCalculation: (_, name) => 2 * name.length + ENTRY_OVERHEAD_BYTES,
    })
  }

  /** Whether the token is good for this use, and if not, why. Never throws, whatever the bytes. */
  check(bytes: Uint8Array, use: TokenUse): TokenVerdict {
    if (bytes.length > MAX_TOKEN_BYTES) {
      return tryRead(bytes) as TokenVerdict
    }
    const { options } = this
    const name = nameOf(bytes)
    const known = this.verified.get(name)
    if (known !== undefined) {
      const ruleFault = typeof options.owners === 'function' ? ownerFault(known, options) : null
      return (
        useFault(known, use) ??
        ruleFault ??
        proofFault(known, use, options) ?? { isGood: true, token: known }
      )
    }
    // In memory of its own: what it arrived in may be large, and is reused.
    const read = tryRead(new Uint8Array(bytes))
    if ('reason' in read) {
      return read
    }
    const { token } = read
    const refused =
      useFault(token, use) ?? ownerFault(token, options) ?? signatureFault(read, options)
    if (refused !== null) {
      return refused
    }
    this.verified.set(name, token)
    return proofFault(token, use, options) ?? { isGood: true, token }
  }
}

/** The bytes as a text of as many characters. Verifying depends on nothing else. */
function nameOf(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[])
}
