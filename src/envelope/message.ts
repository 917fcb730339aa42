import { MalformedError, MissingFieldError } from '../core/errors.js'
import type { HeaderShape, SignedShape } from './shapes.js'
import { fieldBytes, walk } from './walk.js'

/** A signature and its key as they were received; the scheme follows from the two lengths. */
export interface SignatureBytes {
  readonly key: Uint8Array
  readonly sign: Uint8Array
}

/** What one sender put on a message: the original sender, or a hop. */
export interface Level {
  /** The meta header, with those that it wraps. */
  readonly meta: Uint8Array
  /** The verification header, with those that it wraps. */
  readonly verify: Uint8Array
  readonly bodySignature: SignatureBytes | undefined
  readonly metaSignature: SignatureBytes | undefined
  readonly originSignature: SignatureBytes | undefined
}

/** The original sender's level, whose signatures over body and meta header are there. */
export interface InnermostLevel extends Level {
  readonly bodySignature: SignatureBytes
  readonly metaSignature: SignatureBytes
}

/** A signed message, as slices of the bytes that were received. */
export interface SignedMessage {
  readonly shape: SignedShape
  readonly body: Uint8Array
  /** At least one: the original sender's first, the last hop's last. */
  readonly levels: readonly Level[]
  readonly innermost: InnermostLevel
  /** The last hop's level, which holds all the others. */
  readonly outermost: Level
}

/** Field numbers that CreateRequest and CreateResponse share. */
export const MessageField = { body: 1, metaHeader: 2, verifyHeader: 3 } as const
/** Field numbers that the verification headers of both share. */
export const VerifyField = {
  bodySignature: 1,
  metaSignature: 2,
  originSignature: 3,
  origin: 4,
} as const
/** Field numbers of `service.Signature`. */
export const SignatureField = { key: 1, sign: 2 } as const

const NO_BYTES = new Uint8Array(0)

/**
 * Walks `bytes` and takes them apart; no signature is checked yet. Throws MalformedError, and
 * MissingFieldError where the body, a header or a signature of the innermost level is absent.
 */
export function readMessage(bytes: Uint8Array, shape: SignedShape): SignedMessage {
  walk(bytes, shape)
  const body = required(fieldBytes(bytes, MessageField.body), 'body')
  const metas = chain(
    required(fieldBytes(bytes, MessageField.metaHeader), 'meta_header'),
    shape.metaHeader,
  )
  const verifies = chain(
    required(fieldBytes(bytes, MessageField.verifyHeader), 'verify_header'),
    shape.verifyHeader,
  )
  if (metas.length !== verifies.length) {
    throw new MalformedError(
      'verify_header',
      `${verifies.length} levels where meta_header has ${metas.length}`,
    )
  }
  const levels = verifies.map((verify, i) => readLevel(metas[i] as Uint8Array, verify))
  levels.forEach(({ bodySignature }, i) => {
    if (i > 0 && bodySignature !== undefined) {
      throw new MalformedError(
        `${levelPath(levels.length, i)}.body_signature`,
        'only the original sender signs the body',
      )
    }
  })
  return {
    shape,
    body,
    levels,
    innermost: checkInnermost(levels[0] as Level, levelPath(levels.length, 0)),
    outermost: levels.at(-1) as Level,
  }
}

/** Where the verification header of level `i` of `count`, counted from the innermost, stands. */
export function levelPath(count: number, i: number): string {
  return `verify_header${'.origin'.repeat(count - 1 - i)}`
}

/** A header and all that it wraps, innermost first. */
function chain(outermost: Uint8Array, { origin }: HeaderShape): Uint8Array[] {
  const slices: Uint8Array[] = []
  for (
    let slice: Uint8Array | undefined = outermost;
    slice !== undefined;
    slice = fieldBytes(slice, origin)
  ) {
    slices.unshift(slice)
  }
  return slices
}

function readLevel(meta: Uint8Array, verify: Uint8Array): Level {
  const signature = (number: number): SignatureBytes | undefined => {
    const bytes = fieldBytes(verify, number)
    return (
      bytes && {
        key: fieldBytes(bytes, SignatureField.key) ?? NO_BYTES,
        sign: fieldBytes(bytes, SignatureField.sign) ?? NO_BYTES,
      }
    )
  }
  return {
    meta,
    verify,
    bodySignature: signature(VerifyField.bodySignature),
    metaSignature: signature(VerifyField.metaSignature),
    originSignature: signature(VerifyField.originSignature),
  }
}

function checkInnermost(level: Level, path: string): InnermostLevel {
  return {
    ...level,
    bodySignature: required(level.bodySignature, `${path}.body_signature`),
    metaSignature: required(level.metaSignature, `${path}.meta_signature`),
  }
}

function required<T>(part: T | undefined, path: string): T {
  if (part === undefined) {
    throw new MissingFieldError(path)
  }
  return part
}
