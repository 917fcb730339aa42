export const UUID_BYTES = 16

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** How many bits of an id a store may choose. The other 110 stay random. */
export const FREE_ID_BITS = 12

/** Those bits: the first ones of the id, or those behind its version. */
export interface IdBits {
  readonly at: 'start' | 'version'
  readonly bits: number
}

/**
 * Makes a UUIDv4 (RFC 9562 section 5.4) of 16 random bytes, in a new array. `chosen`: by the store; null leaves
 * all random.
 */
export function uuidV4Bytes(random: Uint8Array, chosen: IdBits | null = null): Uint8Array {
  const bytes = new Uint8Array(random)
  if (chosen?.at === 'start') {
    bytes[0] = chosen.bits >> 4
    bytes[1] = ((chosen.bits << 4) & 0xf0) | ((bytes[1] as number) & 0x0f)
  } else if (chosen?.at === 'version') {
    bytes[6] = chosen.bits >> 8
    bytes[7] = chosen.bits & 0xff
  }
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  return bytes
}

/** The text form of a UUIDv4, with bits that a store has chosen. */
export function withIdBits(uuid: string, { at, bits }: IdBits): string {
  const from = at === 'start' ? 0 : VERSION_AT + 1
  const digits = (2 ** FREE_ID_BITS + bits).toString(16).slice(1)
  return uuid.slice(0, from) + digits + uuid.slice(from + digits.length)
}

/** The text form of a UUID's 16 bytes. */
export function uuidText(bytes: Uint8Array): string {
  const hex = (from: number, to: number): string => {
    let text = ''
    for (let i = from; i < to; i++) {
      text += HEX[bytes[i] as number]
    }
    return text
  }
  return `${hex(0, 4)}-${hex(4, 6)}-${hex(6, 8)}-${hex(8, 10)}-${hex(10, 16)}`
}

const DASHES_AT = new Set([8, 13, 18, 23])
const VERSION_AT = 14
const UUID_CHARS = 36
/** By character code: the value of a lower-case hex digit; 16 for every other character. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code))
  return digit < 0 ? 16 : digit
})

/** The 16 bytes that `uuidText` turns into exactly this text. null if there are none. */
export function packedUuid(text: string): Uint8Array | null {
  if (text.length !== UUID_CHARS) {
    return null
  }
  const bytes = new Uint8Array(UUID_BYTES)
  let length = 0
  for (let i = 0; i < UUID_CHARS; i++) {
    if (DASHES_AT.has(i)) {
      if (text[i] !== '-') {
        return null
      }
      continue
    }
    const high = DIGITS[text.charCodeAt(i++)] ?? 16
    const low = DIGITS[text.charCodeAt(i)] ?? 16
    if (high > 15 || low > 15) {
      return null
    }
    bytes[length++] = high * 16 + low
  }
  return bytes
}

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Whether a text is that of a UUIDv4, in the form that `uuidText` gives. */
export function isUuidV4(text: string): boolean {
  return UUID_V4.test(text)
}

/** The 16 bytes of a UUID in its text form. */
export function uuidBytes(text: string): Uint8Array {
  const hex = text.replaceAll('-', '')
  const bytes = new Uint8Array(UUID_BYTES)
  for (let i = 0; i < UUID_BYTES; i++) {
    bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  }
  return bytes
}
