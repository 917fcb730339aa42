import type { SessionToken, TokenReason } from '../tokens/index.js'

/**
 * Why a guard refuses a request. Programs rely on these: none is renamed, and none changes what it means. Those of
 * `checkToken`, and:
 *
 * - `NO_TOKEN`: the request carries no token.
 * - `NO_PROOF`: the request does not prove, in the form that is asked for, that its sender has the session key.
 * - `OTHER_REQUEST`: the proof is for another service, method or body.
 * - `PROOF_TIME`: the proof was made too long ago, or is of the future: look at the clocks.
 * - `REPLAYED`: the same proof came before.
 * - `TOO_MANY_REQUESTS`: no more proofs can be remembered, of this session or at all.
 * - `ENDED`: the session has ended.
 * - `ENDINGS_STALE`: it is not known any more which sessions have ended.
 */
export type GuardReason =
  | TokenReason
  | 'NO_TOKEN'
  | 'NO_PROOF'
  | 'OTHER_REQUEST'
  | 'PROOF_TIME'
  | 'REPLAYED'
  | 'TOO_MANY_REQUESTS'
  | 'ENDED'
  | 'ENDINGS_STALE'

/** A verdict that a request is refused. */
export interface Fault {
  readonly isGood: false
  readonly reason: GuardReason
  /** For the log. It tells the sender nothing that is secret. */
  readonly message: string
}

/** Whether a request may be served, and under which token; or why not. */
export type GuardVerdict = { readonly isGood: true; readonly token: SessionToken } | Fault

export function fault(reason: GuardReason, message: string): Fault {
  return { isGood: false, reason, message }
}

export const NOT_FOR_TOKENS = fault(
  'VERB_NOT_ALLOWED',
  'the request is for nothing that tokens are for',
)

const tokens = new WeakMap<object, SessionToken>()

/**
 * The token under which a request is served: of an HTTP request, or a gRPC request message. undefined: no guard let it
 * through.
 *
 * @example
 * ```ts
 * import type { IncomingMessage } from 'node:http'
 * import { guardedToken } from 'sessiond/guard'
 *
 * export const ownerOf = (request: IncomingMessage) => guardedToken(request)?.owner
 * ```
 */
export function guardedToken(request: object): SessionToken | undefined {
  return tokens.get(request)
}

export function remember(request: object, token: SessionToken): void {
  tokens.set(request, token)
}

/** What a request shows. */
export interface Presented {
  /** A `service.SessionToken`. */
  readonly token: Uint8Array
  readonly proof: RequestProof
}

export const MAX_NONCE_CHARS = 64

/** A signature by the session key over a request, which is used once. */
export interface RequestProof {
  /** What was signed. */
  readonly content: Uint8Array
  readonly signature: Uint8Array
  /** What no other proof of the session has, 1 to 64 characters. */
  readonly nonce: string
  /** When it was made: not before the one, and before the other. Unix milliseconds. */
  readonly fromMs: number
  readonly toMs: number
  /** Whether all else of it fits this key: which key it names, and what else that key must have signed. */
  readonly fits: (sessionKey: Uint8Array) => boolean
}
