import type { Lifetime } from './lifetime.js'

/** One session, however it was opened. Times are Unix milliseconds. */
export interface Session {
  /** A UUIDv4 where we made it; an imported one may be any text of 1 to 64 bytes. */
  readonly id: string
  /** For a token session the owner in base58. */
  readonly userId: string
  readonly userName: string
  readonly active: boolean
  readonly openTimeMs: number
  readonly requestTimeMs: number
  /** null while the session is open. */
  readonly closeTimeMs: number | null
  readonly address: string
  readonly client: string
  /** JSON text, null where there is none. */
  readonly user: string | null
  /** JSON text, null where there is none. */
  readonly data: string | null
  /** There for a session that Create opened, null for one that a command opened. */
  readonly token: Token | null
}

/** What makes a session a token session. */
export interface Token {
  /** 1 to 64 bytes. */
  readonly owner: Uint8Array
  readonly lifetime: Lifetime
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** The text form of 16 random bytes as a UUID of version 4 (RFC 9562 section 5.4). */
export function uuidV4(random: Uint8Array): string {
  const bytes = Uint8Array.from(random)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-')
}

/** The 16 bytes of a UUID in its text form. */
export function uuidBytes(text: string): Uint8Array {
  const hex = text.replaceAll('-', '')
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}
