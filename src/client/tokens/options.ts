import type { TokenSigner } from '../../tokens/issue.js'
import type { ObjectAddress, Verb } from '../../tokens/token.js'

/** What the session's key is to sign, and under which token. */
export interface SignOptions {
  /** What the owner allows, as `issueToken` makes it. */
  readonly token: Uint8Array
  /** What is to be done: the token must allow it. */
  readonly verb: Verb
  /** On what it is to be done. Default: on no object in particular. */
  readonly object?: ObjectAddress | undefined
  /** What to sign: 1 to 64 byte strings, 64 KiB each, 1 MiB in all. */
  readonly data: readonly Uint8Array[]
}

/** A session for a key that the client holds. */
export interface BindOptions {
  /** The session's key: Ed25519 or P-256, such as a WebCrypto key that cannot be exported. It proves itself. */
  readonly sessionKey: TokenSigner
  /** The owner's id, 1 to 64 bytes. Default: the one that the client's key speaks for by itself. */
  readonly owner?: Uint8Array
  /** How long the session is valid, in milliseconds, rounded up to whole epochs. */
  readonly lifetimeMs: number
  /** 1 to 128 bytes. As with `createSession`: with `issueTimeMs` it asks for the same session again. */
  readonly idempotencyKey?: string
  /** When the session begins, Unix milliseconds. Default: now. */
  readonly issueTimeMs?: number
  /** The name of the calling program for the session's record, at most 1,024 bytes. Default: the user agent. */
  readonly clientName?: string
}

/** What a server is asked about: a session by its id, a session token, or a JWT. */
export type Subject =
  | { readonly id: string }
  | { readonly token: Uint8Array }
  | { readonly jwt: string }

/** Which of the owner's sessions to list. */
export interface ListOwnedOptions {
  /** The owner's id. Default: the one that the client's key speaks for by itself. */
  readonly owner?: Uint8Array
  /** How many sessions to pass over. Default: 0. */
  readonly skip?: number
  /** How many to list, 1 to 100. Default: 100. */
  readonly take?: number
  /** Whether to leave out sessions that have ended. Default: false. */
  readonly openOnly?: boolean
}

/** A JWT of a session. */
export interface JwtOptions {
  /** The session's id. */
  readonly id: string
  /** Whom the JWT is for: 1 to 8, of 1 to 256 bytes each. */
  readonly audience: readonly string[]
  /** How long it is valid from now on, in milliseconds, rounded up to whole epochs. Default: as long as the session. */
  readonly lifetimeMs?: number
}
