import { ED25519_KEY_BYTES, P256_SECRET_BYTES, SEED_BYTES } from '../../core/key-lengths.js'

const MAGIC = 'openssh-key-v1\0'
const utf8 = new TextDecoder()

/** The key in a file of OpenSSH's own format (its PROTOCOL.key, section 1). */
export type OpensshKey =
  | { readonly type: 'ed25519'; readonly seed: Uint8Array }
  | { readonly type: 'p256'; readonly secret: Uint8Array }
  | { readonly type: 'encrypted' }
  /** `name`: such as `ssh-rsa`. */
  | { readonly type: 'other'; readonly name: string }

/** Reads the content of a PEM block `OPENSSH PRIVATE KEY`. null if it is damaged. */
export function readOpensshKey(bytes: Uint8Array): OpensshKey | null {
  try {
    return read(bytes)
  } catch (error) {
    if (error instanceof RangeError) {
      return null
    }
    throw error
  }
}

function read(bytes: Uint8Array): OpensshKey | null {
  const file = new Reader(bytes)
  if (utf8.decode(file.take(MAGIC.length)) !== MAGIC) {
    return null
  }
  const cipher = file.text()
  file.string() // The key derivation function,
  file.string() // and its options.
  if (file.number() !== 1) {
    return null
  }
  file.string() // The public key, which the private part repeats.
  if (cipher !== 'none') {
    return { type: 'encrypted' }
  }
  const key = new Reader(file.string())
  const [check, again] = [key.number(), key.number()]
  if (check !== again) {
    return null
  }
  const name = key.text()
  if (name === 'ssh-ed25519') {
    const publicKey = key.string()
    const pair = key.string()
    const seed = pair.subarray(0, SEED_BYTES)
    const isPair =
      pair.length === SEED_BYTES + ED25519_KEY_BYTES &&
      Buffer.compare(pair.subarray(SEED_BYTES), publicKey) === 0
    return isPair ? { type: 'ed25519', seed: Uint8Array.from(seed) } : null
  }
  if (name === 'ecdsa-sha2-nistp256') {
    key.string() // The curve,
    key.string() // and the public key.
    // A signed number: no leading zeros, except one before a first bit of 1.
    const number = key.string()
    const digits = number.subarray(number.findIndex((byte) => byte !== 0))
    const secret = new Uint8Array(P256_SECRET_BYTES)
    secret.set(digits, P256_SECRET_BYTES - digits.length)
    return { type: 'p256', secret }
  }
  return { type: 'other', name: /^[\w@.-]{1,64}$/.test(name) ? name : 'unknown' }
}

/** Reads the types of SSH (RFC 4251 section 5). Throws RangeError where the bytes end. */
class Reader {
  private at = 0

  constructor(private readonly bytes: Uint8Array) {}

  take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) {
      throw new RangeError('it ends too soon')
    }
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  number(): number {
    return Buffer.from(this.take(4)).readUInt32BE()
  }

  string(): Uint8Array {
    return this.take(this.number())
  }

  text(): string {
    return utf8.decode(this.string())
  }
}
