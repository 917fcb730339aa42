import { messages } from '#generated/fields'
import { MalformedError, MissingFieldError } from '../core/errors.js'
import type { Shape, SignedShape } from './shapes.js'
import { walk } from './walk.js'
import type { WalkedMessage } from './walked-message.js'

/**
 * A `service.Signature` as it was received. The scheme follows from the lengths: a key of 32 bytes and a signature of
 * 64 are Ed25519; a key of 33 bytes is P-256, with SHA-256 if the signature has 64 bytes and SHA-512 if it has 65.
 * Other lengths are possible here; they never verify.
 */
export interface SignatureBytes {
  /** The public key. */
  readonly key: Uint8Array
  /** The signature. */
  readonly sign: Uint8Array
}

/** What one node added to a message: the original sender, or a node that forwarded it. Slices of the message. */
export interface Level {
  /** The node's meta header, which includes the headers that it wraps. */
  readonly meta: Uint8Array
  /** The node's verification header, which includes the headers that it wraps. */
  readonly verify: Uint8Array
  /** Over the body. The original sender's level alone has one. */
  readonly bodySignature: SignatureBytes | undefined
  /** Over `meta`. */
  readonly metaSignature: SignatureBytes | undefined
  /** Over the `verify` of the level that this one wraps. The original sender signs no bytes, or leaves it out. */
  readonly originSignature: SignatureBytes | undefined
}

/** The original sender's level, which always has signatures over body and meta header. */
export interface InnermostLevel extends Level {
  readonly bodySignature: SignatureBytes
  readonly metaSignature: SignatureBytes
}

/** A signed message, taken apart into slices of the bytes that were received. */
export interface SignedMessage {
  /** The type of the message, as the contract defines it. */
  readonly shape: SignedShape
  /** The body as it was signed. */
  readonly body: Uint8Array
  /** 1 to 16: the original sender's first, then one for each node that forwarded the message. */
  readonly levels: readonly Level[]
  /** The original sender's level. */
  readonly innermost: InnermostLevel
  /** The level of the last node, which wraps all the others. */
  readonly outermost: Level
}

/** A signed message, and what else the walk found in it. */
export interface ReadMessage {
  readonly message: SignedMessage
  /** The whole message. */
  readonly whole: WalkedMessage
  readonly body: WalkedMessage
  /** The meta header of each level, the original sender's first. */
  readonly metas: readonly WalkedMessage[]
}

/**
 * Walks `bytes` and checks that what must be signed is there, and its signatures. They are not verified yet. Throws
 * MalformedError, and MissingFieldError if the body, a header or a signature of the innermost level is missing.
 */
export function readMessage(bytes: Uint8Array, shape: SignedShape): ReadMessage {
  const walked = walk(bytes, shape, shape.maxBytes, shape.maxFields)
  const part = (name: 'body' | 'meta_header' | 'verify_header'): WalkedMessage => {
    const found = walked.message(shape.named[name].number)
    if (found === undefined) {
      throw new MissingFieldError(name)
    }
    return found
  }
  const body = part('body')
  const metas = chain(part('meta_header'), shape.metaHeader)
  const verifies = chain(part('verify_header'), shape.verifyHeader)
  if (metas.length !== verifies.length) {
    throw new MalformedError(
      'verify_header',
      `${verifies.length} levels where meta_header has ${metas.length}`,
    )
  }
  const levels = verifies.map((verify, i) => readLevel(metas[i] as WalkedMessage, verify, shape))
  const innermost = checkSignatures(levels)
  const outermost = levels.at(-1) as Level
  const message = { shape, body: body.bytes, levels, innermost, outermost }
  return { message, whole: walked, body, metas }
}

/** The path of the header of level `i` of `count`. Level 0 is the innermost. */
export function headerPath(
  header: 'meta_header' | 'verify_header',
  count: number,
  i: number,
): string {
  return `${header}${'.origin'.repeat(count - 1 - i)}`
}

/** A header and all that it wraps, innermost first. */
function chain(outermost: WalkedMessage, { named }: Shape<HeaderName>): WalkedMessage[] {
  const headers = [outermost]
  for (
    let header = outermost.message(named.origin.number);
    header !== undefined;
    header = header.message(named.origin.number)
  ) {
    headers.push(header)
  }
  return headers.reverse()
}

type HeaderName = SignedShape['metaHeader' | 'verifyHeader']['name']

const { key, sign } = messages['service.Signature']

function readLevel(meta: WalkedMessage, verify: WalkedMessage, shape: SignedShape): Level {
  const { named } = shape.verifyHeader
  const signature = (number: number): SignatureBytes | undefined => {
    const found = verify.message(number)
    return found && { key: found.content(key.number), sign: found.content(sign.number) }
  }
  return {
    meta: meta.bytes,
    verify: verify.bytes,
    bodySignature: signature(named.body_signature.number),
    metaSignature: signature(named.meta_signature.number),
    originSignature: signature(named.origin_signature.number),
  }
}

/** Only the original sender signs the body, and must; so must it the meta header. */
function checkSignatures(levels: readonly Level[]): InnermostLevel {
  const path = (i: number, field: string) =>
    `${headerPath('verify_header', levels.length, i)}.${field}`
  levels.forEach(({ bodySignature }, i) => {
    if (i > 0 && bodySignature !== undefined) {
      throw new MalformedError(path(i, 'body_signature'), 'only the original sender signs the body')
    }
  })
  const innermost = levels[0] as Level
  const { bodySignature, metaSignature } = innermost
  if (bodySignature === undefined) {
    throw new MissingFieldError(path(0, 'body_signature'))
  }
  if (metaSignature === undefined) {
    throw new MissingFieldError(path(0, 'meta_signature'))
  }
  return { ...innermost, bodySignature, metaSignature }
}
