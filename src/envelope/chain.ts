import { sameBytes } from '../core/bytes.js'
import { SignatureError } from '../core/errors.js'
import type { Verify } from '../crypto/schemes.js'
import { headerPath, type SignatureBytes, type SignedMessage } from './message.js'
import { fieldOutOfOrder } from './order.js'
import type { Shape } from './shapes.js'

/**
 * Checks the signatures of a message. Headers recur from one message to the next, so `header` may be a
 * `cachedVerify`; bodies do not.
 */
export interface ChainVerifiers {
  /** For the body's signature. */
  readonly body: Verify
  /** For meta and origin signatures. */
  readonly header: Verify
}

/** A signature of a message that is not checked yet, as slices of the message. */
export interface ChainSignature extends SignatureBytes {
  /** Its path. */
  readonly field: string
  /** What it must be over. */
  readonly content: Uint8Array
  /** Whether it is over a header, which recurs from one message to the next. Otherwise it is over the body. */
  readonly isHeader: boolean
  /** The type of `content`, if it is a message. */
  readonly shape?: Shape | undefined
}

const NO_BYTES = new Uint8Array(0)

/**
 * Checks every signature of a message, from the original sender's level outwards, and that each level has one key.
 * Returns the key that signed the body, as a slice of the message: 32 bytes (Ed25519) or 33 (P-256). Whether that
 * key may speak for the owner in the body is for the caller to decide.
 *
 * @throws {SessiondError} With code `BAD_SIGNATURE`: `field` names the signature that is missing or wrong.
 *
 * @example
 * ```ts
 * import { naclEd25519, readCreateRequest, schemeVerifier, verifyChain } from 'sessiond/envelope'
 *
 * const verify = schemeVerifier(naclEd25519)
 *
 * export function signerOf(received: Uint8Array): Uint8Array {
 *   const { message } = readCreateRequest(received)
 *   return verifyChain(message, { body: verify, header: verify })
 * }
 * ```
 */
export function verifyChain(message: SignedMessage, verifiers: ChainVerifiers): Uint8Array {
  for (const signature of readChain(message)) {
    const { key, sign, content, isHeader } = signature
    if (!verifiers[isHeader ? 'header' : 'body'](key, sign, content)) {
      throw doesNotVerify(signature)
    }
  }
  return message.innermost.bodySignature.key
}

/**
 * The signatures of all levels, innermost level first. Report the first that does not verify. This checks what costs
 * nothing, before any signature is verified: the last of 33 may be missing. Throws SignatureError if one is missing, or if
 * a level has more than one key: a stranger could otherwise send an observed body again under a meta header of its own.
 */
export function readChain({ shape, body, levels }: SignedMessage): ChainSignature[] {
  const chain: ChainSignature[] = []
  let wrapped: Uint8Array = NO_BYTES
  levels.forEach(({ meta, verify, bodySignature, metaSignature, originSignature }, i) => {
    const path = headerPath('verify_header', levels.length, i)
    const levelKey = (bodySignature ?? metaSignature)?.key
    const add = (
      name: string,
      signature: SignatureBytes | undefined,
      content: Uint8Array,
      shape?: Shape,
    ) => {
      const field = `${path}.${name}`
      if (signature === undefined || levelKey === undefined) {
        throw new SignatureError(field, 'is missing')
      }
      const { key, sign } = signature
      if (!sameBytes(key, levelKey)) {
        throw new SignatureError(field, 'its key is not that of the others of its level')
      }
      chain.push({ key, sign, field, content, shape, isHeader: name !== 'body_signature' })
    }
    if (i === 0) {
      add('body_signature', bodySignature, body, shape.body)
    }
    add('meta_signature', metaSignature, meta, shape.metaHeader)
    // Some original senders leave out the signature over nothing.
    if (i > 0 || originSignature !== undefined) {
      add('origin_signature', originSignature, wrapped)
    }
    wrapped = verify
  })
  return chain
}

/** The error for a signature that does not verify. */
export function doesNotVerify({
  key,
  sign,
  field,
  content,
  shape,
}: ChainSignature): SignatureError {
  return new SignatureError(
    field,
    `does not verify (a key of ${key.length} bytes, a signature of ${sign.length})` +
      orderHint(content, shape),
  )
}

/** A client that serializes once to sign and once more to send may send its fields in another order. */
function orderHint(content: Uint8Array, shape: Shape | undefined): string {
  const field = shape && fieldOutOfOrder(content, shape)
  return field === undefined
    ? ''
    : `. The bytes signed must be the bytes sent, and in this ${shape?.name} the fields are not in ascending ` +
        `order (${field}): if your serializer takes any order, serialize once, sign that, and send that`
}
