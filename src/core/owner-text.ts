import { base58 } from '@scure/base'
import { prefixedBytes, sameBytes, utf8Length } from './bytes.js'
import { InputFileError } from './errors.js'
import { ED25519_KEY_BYTES, MAX_OWNER_BYTES, N3_ACCOUNT_BYTES } from './key-lengths.js'

/** Of an owner id as `hex:…`, its longest text. */
const MAX_OWNER_CHARS = 132
const PREFIXED = /^(?:hex|base58):/
/** Text without control and formatting characters, and without what stands for bytes that are no UTF-8. */
const READABLE = /^[^\p{C}\ufffd]+$/u
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
/** The first byte of an N3 account. */
const N3_PREFIX = 0x35

/**
 * An owner id as text, in logs and as the `userId` of its sessions: base58.
 *
 * @example
 * ```ts
 * import { ownerText, type SessionsClient } from 'sessiond/client'
 *
 * export const sessionsOf = (sessions: SessionsClient, owner: Uint8Array) =>
 *   sessions.list({ userId: ownerText(owner) })
 * ```
 */
export function ownerText(owner: Uint8Array): string {
  // The first byte of all N3 accounts is the same.
  const place = ((owner[1] ?? 0) | ((owner[2] ?? 0) << 8)) % RECENT_TEXTS
  const recent = recentTexts[place]
  if (recent !== undefined && sameBytes(recent.owner, owner)) {
    return recent.text
  }
  const text = base58.encode(owner)
  recentTexts[place] = { owner: new Uint8Array(owner), text }
  return text
}

/** A Create needs its owner's text more than once, and each record of a list does; base58 takes a microsecond. */
const RECENT_TEXTS = 1024
const recentTexts: { readonly owner: Uint8Array; readonly text: string }[] = []

/** The owner that this `ownerText` stands for. null if no owner has this text. */
export function ownerOfText(userId: string): Uint8Array | null {
  try {
    const owner = base58.decode(userId)
    return owner.length <= MAX_OWNER_BYTES ? owner : null
  } catch {
    return null
  }
}

/** The owner's text where its bytes are one that people can read, such as `alice`. */
export function ownerName(owner: Uint8Array): string | null {
  const text = utf8.decode(owner)
  return READABLE.test(text) ? text : null
}

/**
 * The user ids that a person's name for a user or an owner may stand for: the user with this very id, and the owner that
 * `ownerFromText` reads. Throws InputFileError, with `where` in its message.
 *
 * @example
 * ```ts
 * import { type SessionsClient, userIdsNamed } from 'sessiond/client'
 *
 * export async function countOpen(sessions: SessionsClient, name: string): Promise<number> {
 *   let open = 0
 *   for (const userId of userIdsNamed(name)) {
 *     const { total } = await sessions.list({ userId, active: true, take: 0, total: true })
 *     open += total ?? 0
 *   }
 *   return open
 * }
 * ```
 */
export function userIdsNamed(name: string, where = 'a user'): readonly string[] {
  // A user id may be longer than an owner.
  const isOwner = utf8Length(name) <= MAX_OWNER_BYTES || PREFIXED.test(name)
  return isOwner ? [...new Set([name, ownerText(ownerFromText(name, where))])] : [name]
}

/**
 * The bytes of an owner id as a person writes it: `hex:…`, `base58:…`, a public key or an N3 account in base58, else the
 * text itself. `where` is the name that the error message gives to the text.
 *
 * @throws {SessiondError} With code `INVALID_INPUT_FILE`: the text is none.
 *
 * @example
 * ```ts
 * import { ownerFromText } from 'sessiond/client'
 *
 * console.log(ownerFromText('hex:616c696365', 'the owner')) // the same as of 'alice'
 * ```
 */
export function ownerFromText(text: string, where: string): Uint8Array {
  // Decoding base58 takes quadratic time.
  if (text.length > MAX_OWNER_CHARS) {
    throw new InputFileError(
      where,
      `an owner of ${text.length} characters is none; it must have 1 to ${MAX_OWNER_BYTES} bytes`,
    )
  }
  let owner: Uint8Array
  try {
    owner = prefixedBytes(text) ?? keyOrAccount(text) ?? new TextEncoder().encode(text)
  } catch (error) {
    const kind = text.startsWith('hex:') ? 'hexadecimal' : 'base58'
    const problem = `owner ${JSON.stringify(text)} is not ${kind} behind its prefix`
    throw new InputFileError(where, problem, error)
  }
  if (owner.length < 1 || owner.length > MAX_OWNER_BYTES) {
    throw new InputFileError(
      where,
      `owner ${JSON.stringify(text)} has ${owner.length} bytes; it must have 1 to ${MAX_OWNER_BYTES}`,
    )
  }
  return owner
}

/** The owner whose base58 text this is, if it is of a kind that no name looks like. */
function keyOrAccount(text: string): Uint8Array | null {
  const owner = ownerOfText(text)
  const isAccount = owner?.length === N3_ACCOUNT_BYTES && owner[0] === N3_PREFIX
  return isAccount || owner?.length === ED25519_KEY_BYTES ? owner : null
}
