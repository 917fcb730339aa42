import { sha256 } from '@noble/hashes/sha2.js'
import { hex } from '@scure/base'
import {
  type Dictionary,
  type InnerList,
  isInnerList,
  type Parameters,
  ParseError,
  parseDictionary,
  serializeDictionary,
} from 'structured-headers'
import { sameBytes } from '../core/bytes.js'
import type { SessiondError } from '../core/errors.js'
import {
  algorithmOf,
  COVERED,
  type HttpParts,
  SIGNATURE_TAG,
  signatureBase,
} from '../tokens/http-signature.js'
import { tokenFromText } from '../tokens/token.js'
import { type Fault, fault, MAX_NONCE_CHARS, type Presented } from './verdict.js'

/** A request as it arrived. */
export interface HttpRequest extends HttpParts {
  /** The whole body. Empty: there was none. */
  readonly body: Uint8Array
}

const BEARER = /^Bearer +([A-Za-z0-9_-]+)$/i
/** More than any honest signature needs. */
const MAX_HEADER_CHARS = 4096
const MAX_COVERED = 32
const FIELD = /^[a-z0-9!#$%&'*+\-.^_`|~]+$/
const DERIVED: ReadonlySet<string> = new Set(COVERED.filter((name) => name.startsWith('@')))

/**
 * The token of a request, and the proof that its signature is, not verified yet. The form is strict: one token, one signature
 * with the tag `sessiond`, all that must be covered, and headers as serializers write them. Never throws.
 *
 * @example
 * ```ts
 * import { type Guard, readHttpProof } from 'sessiond/guard'
 *
 * // A request of a framework that has the standard's `Request`.
 * export async function isGood(guard: Guard, request: Request): Promise<boolean> {
 *   const { pathname, search } = new URL(request.url)
 *   const proof = readHttpProof({
 *     method: request.method,
 *     authority: guard.audience,
 *     target: pathname + search,
 *     header: (name) => [request.headers.get(name) ?? []].flat(),
 *     body: new Uint8Array(await request.arrayBuffer()),
 *   })
 *   return guard.check(proof, { verb: 'OBJECT_GET' }).isGood
 * }
 * ```
 */
export function readHttpProof(request: HttpRequest): Presented | Fault {
  const head = readHttpHead(request)
  return 'reason' in head ? head : (head.bodyFault(request.body) ?? head)
}

/** What the head of a request shows. */
interface HttpHead extends Presented {
  /** What is wrong with the body; null: it is the one that was signed. */
  readonly bodyFault: (body: Uint8Array) => Fault | null
}

/** As `readHttpProof`, while the body has not come yet. */
export function readHttpHead(request: HttpParts): HttpHead | Fault {
  const [authorization, ...more] = request.header('authorization')
  const text = BEARER.exec(authorization ?? '')?.[1]
  if (text === undefined || more.length > 0) {
    return fault('NO_TOKEN', 'the header Authorization must be "Bearer", then a session token')
  }
  let token: Uint8Array
  try {
    token = tokenFromText(text)
  } catch (error) {
    return fault('MALFORMED', (error as SessiondError).message)
  }
  if (!request.target.startsWith('/')) {
    return fault('NO_PROOF', 'the target of the request must be a path')
  }
  const signed = readSignature(request)
  if ('reason' in signed) {
    return signed
  }
  const { covered, params, signature } = signed
  const wrong = coverageFault(covered, request)
  if (wrong !== null) {
    return wrong
  }
  const digest = covered.includes('content-digest') ? digestOf(request) : null
  if (digest !== null && 'reason' in digest) {
    return digest
  }
  const facts = factsOf(params)
  if (facts === null) {
    return fault(
      'NO_PROOF',
      'the signature must have created, nonce (1 to 64 characters) and keyid',
    )
  }
  const { created, nonce, keyid, alg } = facts
  return {
    token,
    proof: {
      ...{ content: signatureBase(covered, params, request), signature, nonce },
      ...{ fromMs: created * 1000, toMs: (created + 1) * 1000 },
      fits: (sessionKey) =>
        keyid === hex.encode(sessionKey) && (alg === undefined || alg === algorithmOf(sessionKey)),
    },
    bodyFault: (body) => bodyFault(digest, body),
  }
}

interface Signature {
  readonly covered: readonly string[]
  readonly params: Parameters
  readonly signature: Uint8Array
}

function readSignature(request: HttpParts): Signature | Fault {
  const inputs = readHeader(request, 'signature-input')
  const signatures = readHeader(request, 'signature')
  if (inputs === null || signatures === null) {
    return fault('NO_PROOF', 'Signature-Input and Signature must be dictionaries (RFC 9421)')
  }
  const ours = [...inputs].filter(
    (entry): entry is [string, InnerList] =>
      isInnerList(entry[1]) && entry[1][1].get('tag') === SIGNATURE_TAG,
  )
  const [label, [items, params]] = ours[0] ?? ['', [[], new Map()]]
  const signature = signatures.get(label)?.[0]
  if (ours.length !== 1 || !(signature instanceof ArrayBuffer)) {
    return fault('NO_PROOF', `there must be one signature with the tag "${SIGNATURE_TAG}"`)
  }
  const covered = items.map(([name, itemParams]) =>
    typeof name === 'string' && itemParams.size === 0 ? name : '',
  )
  return { covered, params, signature: new Uint8Array(signature) }
}

/** A header as a dictionary; null if it is none, or not as a serializer writes it. */
function readHeader({ header }: HttpParts, name: string): Dictionary | null {
  const text = header(name)
    .map((value) => value.trim())
    .join(', ')
  if (text === '' || text.length > MAX_HEADER_CHARS) {
    return null
  }
  try {
    const dictionary = parseDictionary(text)
    return serializeDictionary(dictionary) === text ? dictionary : null
  } catch (error) {
    if (error instanceof ParseError) {
      return null
    }
    throw error
  }
}

function coverageFault(covered: readonly string[], { header }: HttpParts): Fault | null {
  const missing = COVERED.find((name) => !covered.includes(name))
  if (missing !== undefined) {
    return fault('NO_PROOF', `the signature must cover "${missing}"`)
  }
  const isKnown = (name: string) =>
    DERIVED.has(name) || (FIELD.test(name) && header(name).length > 0)
  const unknown = covered.find((name) => !isKnown(name))
  if (unknown !== undefined || new Set(covered).size < covered.length) {
    return fault('NO_PROOF', 'the signature covers what the request does not have, or twice')
  }
  return covered.length > MAX_COVERED
    ? fault('NO_PROOF', `the signature covers more than ${MAX_COVERED} parts`)
    : null
}

/** The SHA-256 that the body must have. */
function digestOf(request: HttpParts): Uint8Array | Fault {
  const digest = readHeader(request, 'content-digest')?.get('sha-256')?.[0]
  return digest instanceof ArrayBuffer
    ? new Uint8Array(digest)
    : fault('NO_PROOF', 'Content-Digest must have a sha-256 (RFC 9530)')
}

/** `signed`: the digest of the body that was signed; null: no body was. */
function bodyFault(signed: Uint8Array | null, body: Uint8Array): Fault | null {
  if (signed === null) {
    return body.length === 0
      ? null
      : fault('NO_PROOF', 'the signature of a request with a body must cover "content-digest"')
  }
  return sameBytes(signed, sha256(body))
    ? null
    : fault('BAD_PROOF', 'the body is not the one that was signed')
}

function factsOf(params: Parameters) {
  const [created, nonce, keyid, alg] = ['created', 'nonce', 'keyid', 'alg'].map((name) =>
    params.get(name),
  )
  const isGood =
    Number.isSafeInteger(created) &&
    typeof nonce === 'string' &&
    nonce.length > 0 &&
    nonce.length <= MAX_NONCE_CHARS &&
    typeof keyid === 'string'
  return isGood ? { created: created as number, nonce, keyid, alg } : null
}
