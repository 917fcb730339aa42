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

const NO_BYTES = new Uint8Array(0)

/**
 * Checks every signature, from the innermost level outwards. Returns the innermost key, which is
 * that of the body's signer, as a slice of the message. Throws SignatureError.
 */
export function verifyChain(message: SignedMessage, verifiers: ChainVerifiers): Uint8Array {
  const { shape, body, levels, innermost } = message
  let wrapped: Uint8Array = NO_BYTES
  levels.forEach((level, i) => {
    const check = levelCheck(headerPath('verify_header', levels.length, i))
    if (i === 0) {
      check('body_signature', level.bodySignature, body, verifiers.body, shape.body)
    }
    check('meta_signature', level.metaSignature, level.meta, verifiers.header, shape.metaHeader)
    // Some original senders leave out the signature over nothing.
    if (i > 0 || level.originSignature !== undefined) {
      check('origin_signature', level.originSignature, wrapped, verifiers.header)
    }
    wrapped = level.verify
  })
  return innermost.bodySignature.key
}

/**
 * Checks the signatures of one level. All of them must have the same key: else an observed body
 * could be sent again under a stranger's meta header.
 */
function levelCheck(path: string) {
  let levelKey: Uint8Array | undefined
  return (
    name: string,
    signature: SignatureBytes | undefined,
    content: Uint8Array,
    verify: Verify,
    shape?: Shape,
  ): void => {
    if (signature === undefined) {
      throw new SignatureError(`${path}.${name}`, 'is missing')
    }
    const { key, sign } = signature
    levelKey ??= key
    if (Buffer.compare(key, levelKey) !== 0) {
      throw new SignatureError(`${path}.${name}`, 'its key is not that of the others of its level')
    }
    if (!verify(key, sign, content)) {
      throw new SignatureError(
        `${path}.${name}`,
        `does not verify (a key of ${key.length} bytes, a signature of ${sign.length})` +
          orderHint(content, shape),
      )
    }
  }
}

/** A client that serializes once to sign and once more to send may send its fields in another order. */
function orderHint(content: Uint8Array, shape: Shape | undefined): string {
  const field = shape && fieldOutOfOrder(content, shape)
  return field === undefined
    ? ''
    : `. The bytes signed must be the bytes sent, and in this ${shape?.name} the fields are not in ascending ` +
        `order (${field}): if your serializer takes any order, serialize once, sign that, and send that`
}
