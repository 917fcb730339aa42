/** A session as operators find it. Instants are Unix milliseconds. */
export interface FoundSession {
  readonly id: string
  readonly isOpen: boolean
  readonly kind: 'token' | 'command'
  readonly userId: string
  /** May be empty. */
  readonly userName: string
  /** What the owner's id spells; null: nothing, or it is no token session. */
  readonly ownerName: string | null
  readonly address: string
  readonly client: string
  readonly openedAtMs: number
  readonly requestAtMs: number
  /** When it ends by itself; null: never, or it has ended. */
  readonly expiresAtMs: number | null
  readonly endedAtMs: number | null
  /** null: it is open, or why it ended is not known. */
  readonly ending: { readonly reason: string; readonly by: string | null } | null
}

/** One session with everything that is kept of it. */
export interface ShownSession extends FoundSession {
  /** null: a command opened it. */
  readonly token: {
    readonly ownerHex: string
    readonly publicKeyHex: string
    /** Whether the client holds the private key. */
    readonly isBound: boolean
  } | null
  /** JSON text, or what was imported as such. */
  readonly user: string | null
  readonly data: string | null
}

/** What a session is called where there is room for one name. */
export const nameOf = ({ userName, ownerName, userId }: FoundSession) =>
  userName || ownerName || userId

export type Fields = Readonly<Record<string, unknown>>

const text = (value: unknown) => `${value ?? ''}`
const textOrNull = (value: unknown) => (value == null ? null : `${value}`)
const instant = (value: unknown) => (value == null ? null : Number(value))

export function readFound(fields: Fields): FoundSession {
  return {
    id: text(fields.session_id),
    isOpen: fields.state === 'open',
    kind: fields.kind === 'token' ? 'token' : 'command',
    userId: text(fields.user_id),
    userName: text(fields.user_name),
    ownerName: textOrNull(fields.owner_name),
    address: text(fields.address),
    client: text(fields.client),
    openedAtMs: Number(fields.opened_at_ms),
    requestAtMs: Number(fields.request_at_ms),
    expiresAtMs: instant(fields.expires_at_ms),
    endedAtMs: instant(fields.ended_at_ms),
    ending: fields.ending as FoundSession['ending'],
  }
}

export function readShown(fields: Fields): ShownSession {
  const { owner, public_key: publicKey, is_bound: isBound } = fields
  return {
    ...readFound(fields),
    token:
      owner == null
        ? null
        : { ownerHex: text(owner), publicKeyHex: text(publicKey), isBound: isBound === true },
    user: textOrNull(fields.user),
    data: textOrNull(fields.data),
  }
}
