import { SignatureError } from '../core/errors.js'
import type { Verify } from '../crypto/schemes.js'
import { headerPath, type SignatureBytes, type SignedMessage } from './message.js'
import { fieldOutOfOrder } from './order.js'
import type { Shape } from './shapes.js'

/** Checks signatures. Headers recur from one message to the next, so theirs may be remembered. */
export interface ChainVerifiers {
  readonly body: Verify
  /** For meta and origin signatures. */
  readonly header: Verify
}

/** A signature, and what it must be over. */
interface Claim {
  readonly field: string
  readonly signature: SignatureBytes
  readonly content: Uint8Array
  readonly verify: Verify
  /** Where `content` is a message. */
  readonly shape?: Shape | undefined
}

const NO_BYTES = new Uint8Array(0)

/**
 * Checks every signature, from the innermost level outwards. Returns the innermost key, which is
 * that of the body's signer, as a slice of the message. Throws SignatureError.
 */
export function verifyChain(message: SignedMessage, verifiers: ChainVerifiers): Uint8Array {
  // What costs nothing comes first: the last of 33 signatures may be the one that is missing.
  const claims = claimsOf(message, verifiers)
  for (const { field, signature, content, verify, shape } of claims) {
    const { key, sign } = signature
    if (!verify(key, sign, content)) {
      throw new SignatureError(
        field,
        `does not verify (a key of ${key.length} bytes, a signature of ${sign.length})` +
          orderHint(content, shape),
      )
    }
  }
  return message.innermost.bodySignature.key
}

/**
 * The signatures of all levels, the innermost first. Throws SignatureError where one is missing, or where those of a
 * level have different keys: else an observed body could be sent again under a stranger's meta header.
 */
function claimsOf({ shape, body, levels }: SignedMessage, verifiers: ChainVerifiers): Claim[] {
  const claims: Claim[] = []
  let wrapped: Uint8Array = NO_BYTES
  levels.forEach(({ meta, verify, bodySignature, metaSignature, originSignature }, i) => {
    const path = headerPath('verify_header', levels.length, i)
    const levelKey = (bodySignature ?? metaSignature)?.key
    const claim = (
      name: string,
      signature: SignatureBytes | undefined,
      content: Uint8Array,
      verify: Verify,
      shape?: Shape,
    ) => {
      const field = `${path}.${name}`
      if (signature === undefined || levelKey === undefined) {
        throw new SignatureError(field, 'is missing')
      }
      if (Buffer.compare(signature.key, levelKey) !== 0) {
        throw new SignatureError(field, 'its key is not that of the others of its level')
      }
      claims.push({ field, signature, content, verify, shape })
    }
    if (i === 0) {
      claim('body_signature', bodySignature, body, verifiers.body, shape.body)
    }
    claim('meta_signature', metaSignature, meta, verifiers.header, shape.metaHeader)
    // Some original senders leave out the signature over nothing.
    if (i > 0 || originSignature !== undefined) {
      claim('origin_signature', originSignature, wrapped, verifiers.header)
    }
    wrapped = verify
  })
  return claims
}

/** A client that serializes once to sign and once more to send may send its fields in another order. */
function orderHint(content: Uint8Array, shape: Shape | undefined): string {
  const field = shape && fieldOutOfOrder(content, shape)
  return field === undefined
    ? ''
    : `. The bytes signed must be the bytes sent, and in this ${shape?.name} the fields are not in ascending ` +
        `order (${field}): if your serializer takes any order, serialize once, sign that, and send that`
}
