import type { Metadata } from '@grpc/grpc-js'
import { InvalidFieldError, MissingFieldError } from '../../core/errors.js'

const PREFIX = 'sessiond-'

/** What metadata says of a sessions command that its message has no field for (docs/protocols/sessions-v1.md). */
type Key =
  | 'sessiond-user-id-bin'
  | 'sessiond-address-bin'
  | 'sessiond-client-bin'
  | 'sessiond-load'
  | 'sessiond-with-data'

/**
 * Throws InvalidFieldError where the metadata has another key of ours than these, a misspelt one too, or one
 * of them twice: a call that says whose session it means must not be done without a look at that.
 */
export function takeOnly(metadata: Metadata, ...keys: readonly Key[]): void {
  for (const key in metadata.getMap()) {
    if (key.startsWith(PREFIX)) {
      if (!keys.some((known) => known === key)) {
        throw new InvalidFieldError(key, 'has no meaning for this call')
      }
      if (metadata.get(key).length > 1) {
        throw new InvalidFieldError(key, 'is given more than once')
      }
    }
  }
}

/** Whose session it must be. Throws MissingFieldError where the key is there with nothing under it. */
export function userIdIn(metadata: Metadata): string | undefined {
  const userId = textUnder(metadata, 'sessiond-user-id-bin')
  if (userId === '') {
    throw new MissingFieldError('sessiond-user-id-bin')
  }
  return userId
}

/** The text under a binary key, for texts in plain metadata are ASCII. */
export function textUnder(metadata: Metadata, key: Key & `${string}-bin`): string | undefined {
  const [value] = metadata.get(key)
  return value === undefined ? undefined : value.toString()
}

/** Whether `1` stands under the key. Throws InvalidFieldError where anything else does. */
export function hasMark(metadata: Metadata, key: Key): boolean {
  const [value] = metadata.get(key)
  if (value !== undefined && value !== '1') {
    throw new InvalidFieldError(key, 'must be 1, or left out')
  }
  return value === '1'
}
