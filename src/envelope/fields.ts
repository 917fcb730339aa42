import { messages } from '#generated/fields'
import { InvalidFieldError, MissingFieldError } from '../core/errors.js'
import { ED25519_KEY_BYTES, MAX_OWNER_BYTES, P256_KEY_BYTES } from '../core/key-lengths.js'
import { UUID_BYTES, uuidText } from '../core/uuid.js'
import type { WalkedMessage } from './walked-message.js'

// What bodies and tokens have in common. Each function takes the path of what it reads, for errors.

/** An object, or all of a container. */
export interface Address {
  readonly containerId: Uint8Array
  readonly objectId?: Uint8Array
}

/** A lifetime as it is sent, in epochs. */
export interface SentLifetime {
  readonly exp: bigint
  readonly nbf: bigint
  readonly iat: bigint
}

/** A message that must be there. Throws MissingFieldError. */
export function required(walked: WalkedMessage, number: number, path: string): WalkedMessage {
  const found = walked.message(number)
  if (found === undefined) {
    throw new MissingFieldError(path)
  }
  return found
}

/** An owner's id, 1 to 64 bytes, in memory of its own. Throws MissingFieldError, InvalidFieldError. */
export function readOwner(body: WalkedMessage, number: number, path: string): Uint8Array {
  const ownerId = required(body, number, path)
  const owner = ownerId.content(messages['refs.OwnerID'].value.number)
  if (owner.length === 0) {
    throw new MissingFieldError(`${path}.value`)
  }
  // Before anything is made of it: the time of base58 grows with the square of the length.
  if (owner.length > MAX_OWNER_BYTES) {
    const problem = `has ${owner.length} bytes; it may have ${MAX_OWNER_BYTES}`
    throw new InvalidFieldError(`${path}.value`, problem)
  }
  return new Uint8Array(owner)
}

/** The public key of a session, 32 or 33 bytes. Throws MissingFieldError, InvalidFieldError. */
export function readSessionKey(key: Uint8Array, path: string): Uint8Array {
  if (key.length === 0) {
    throw new MissingFieldError(path)
  }
  if (key.length !== ED25519_KEY_BYTES && key.length !== P256_KEY_BYTES) {
    throw new InvalidFieldError(path, `has ${key.length} bytes; a key has 32 or 33`)
  }
  return key
}

/** The text of a UUIDv4. Throws MissingFieldError, InvalidFieldError. */
export function readUuid(id: Uint8Array, path: string): string {
  if (id.length === 0) {
    throw new MissingFieldError(path)
  }
  const [version, variant] = [(id[6] ?? 0) >> 4, (id[8] ?? 0) >> 6]
  if (id.length !== UUID_BYTES || version !== 4 || variant !== 2) {
    throw new InvalidFieldError(path, 'is no UUID of version 4')
  }
  return uuidText(id)
}

const lifetimeFields = messages['service.TokenLifetime']

/** Throws InvalidFieldError if it ends before it begins. */
export function readLifetime(walked: WalkedMessage, path: string): SentLifetime {
  const lifetime = {
    exp: walked.uint64(lifetimeFields.exp.number),
    nbf: walked.uint64(lifetimeFields.nbf.number),
    iat: walked.uint64(lifetimeFields.iat.number),
  }
  if (lifetime.nbf > lifetime.exp) {
    throw new InvalidFieldError(`${path}.nbf`, `${lifetime.nbf} is after exp ${lifetime.exp}`)
  }
  return lifetime
}

const addressFields = messages['refs.Address']

/** An address that names no container would restrict nothing, though its sender meant it to. Throws MissingFieldError. */
export function readAddress(address: WalkedMessage | undefined, path: string): Address | undefined {
  if (address === undefined) {
    return undefined
  }
  const container = address.message(addressFields.container_id.number)
  const containerId = container?.content(messages['refs.ContainerID'].value.number)
  if (containerId === undefined || containerId.length === 0) {
    throw new MissingFieldError(`${path}.container_id`)
  }
  const object = address.message(addressFields.object_id.number)
  const objectId = object?.content(messages['refs.ObjectID'].value.number)
  if (objectId?.length === 0) {
    throw new MissingFieldError(`${path}.object_id.value`)
  }
  return objectId === undefined ? { containerId } : { containerId, objectId }
}
