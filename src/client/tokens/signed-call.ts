import { randomUUID } from 'node:crypto'
import { RevokeRequest_Body } from '#generated/sessiond/v1/tokens'
import { requestDigestBytes } from '../../envelope/digest.js'
import { readMessage } from '../../envelope/message.js'
import type { SignedShape } from '../../envelope/shapes.js'
import { encodeSigned } from '../../envelope/sign.js'
import type { TokenSigner } from '../../tokens/issue.js'
import { askPatiently, type CallOptions } from '../connection/ask.js'
import type { Connection } from '../connection/connect.js'
import { UntrustedResponseError } from '../errors.js'
import { epochAt, requestMeta } from '../request.js'
import { pinnedSigner, trusted } from '../trusted.js'

const NO_BYTES = new Uint8Array(0)
/** `method` and `epoch`, where the rest of a request's body is encoded: `ask` adds them. */
export const LEFT_OUT = { method: 0, epoch: 0n } as const

/** A method of `sessiond.v1.Tokens`: its messages, and how the body of its answer is decoded. */
export interface TokensCall<Answer> {
  readonly name: string
  readonly method: {
    readonly request: SignedShape
    readonly response: SignedShape
    readonly method: number
  }
  readonly answer: {
    decode(bytes: Uint8Array): Answer & { readonly request: Uint8Array }
  }
}

/** A signed request. */
export interface Asked {
  readonly bytes: Uint8Array
  /** The digest that the answer must have. */
  readonly digest: Uint8Array
}

/** What a request says beside the rest of its body. */
export interface AskOptions {
  /** When it is made, Unix milliseconds. Default: now. */
  readonly timeMs?: number
  /** Default: a new random key, so that no two requests have the same digest. */
  readonly idempotencyKey?: string | undefined
  readonly clientName?: string | undefined
  /** What the message holds beside its signed parts, made from its body. */
  readonly more?: (body: Uint8Array) => Promise<Uint8Array>
}

/** Signs a request. `rest`: its body but for `method` and `epoch`. */
export async function ask(
  { method: { method, request } }: TokensCall<unknown>,
  rest: Uint8Array,
  signer: TokenSigner,
  epochs: Connection['epochs'],
  { timeMs = Date.now(), idempotencyKey = randomUUID(), clientName, more }: AskOptions = {},
): Promise<Asked> {
  const epoch = epochAt(timeMs, epochs)
  // The same two fields begin the body of every request.
  const head = RevokeRequest_Body.encode({ method, epoch, id: NO_BYTES }).finish()
  const body = Buffer.concat([head, rest])
  const meta = requestMeta(epoch, idempotencyKey, clientName)
  const [bodySignature, metaSignature, added] = await Promise.all([
    signer.sign(body),
    signer.sign(meta),
    more?.(body) ?? NO_BYTES,
  ])
  const signatures = { key: signer.publicKey, body: bodySignature, meta: metaSignature }
  const bytes = Buffer.concat([encodeSigned(request, { body, meta }, signatures), added])
  return { bytes, digest: requestDigestBytes({ body, innermost: { meta } }) }
}

/** The decoded body of an answer that a pinned key signed for this very request. Throws UntrustedResponseError. */
function readAnswer<Answer>(
  { method: { response }, answer }: TokensCall<Answer>,
  bytes: Uint8Array,
  { digest }: Asked,
  serverKeys: Connection['serverKeys'],
): Answer & { readonly serverKey: Uint8Array } {
  return trusted(() => {
    const { message } = readMessage(bytes, response)
    const serverKey = pinnedSigner(message, serverKeys)
    // In memory of its own: what is decoded refers to it.
    const decoded = answer.decode(new Uint8Array(message.body))
    if (Buffer.compare(decoded.request, digest) !== 0) {
      throw new UntrustedResponseError('it answers another request')
    }
    return { ...decoded, serverKey }
  })
}

/** Sends a request until it is answered, and reads the answer. Throws as `TokensClient` does. */
export async function callSigned<Answer>(
  connection: Connection,
  call: TokensCall<Answer>,
  asked: Asked,
  options: CallOptions,
): Promise<Answer & { readonly serverKey: Uint8Array }> {
  const path = `/sessiond.v1.Tokens/${call.name}`
  const answer = await askPatiently(connection, { path, request: asked.bytes }, options)
  return readAnswer(call, answer, asked, connection.serverKeys)
}
