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

/** A signature of a message that is yet to be checked; slices of the message. */
export interface ChainSignature extends SignatureBytes {
  /** Where it stands. */
  readonly field: string
  /** What it must be over. */
  readonly content: Uint8Array
  /** Whether that is a header, which recurs from one message to the next; else it is the body. */
  readonly isHeader: boolean
  /** Where `content` is a message. */
  readonly shape?: Shape | undefined
}

const NO_BYTES = new Uint8Array(0)

/**
 * Checks every signature, from the innermost level outwards. Returns the innermost key, which is
 * that of the body's signer, as a slice of the message. Throws SignatureError.
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
 * The signatures of all levels, the innermost first; the first that does not verify is to be told. What costs nothing
 * to check is checked here: the last of 33 may be the one that is missing. Throws SignatureError where one is missing, or
 * where those of a level have different keys: else an observed body could be sent again under a stranger's meta header.
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
      if (Buffer.compare(key, levelKey) !== 0) {
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

/** What to tell of a signature that failed. */
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
