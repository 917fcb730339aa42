import type { Metadata } from '@grpc/grpc-js'
import { InvalidFieldError, MissingFieldError } from '../../core/errors.js'

const PREFIX = 'sessiond-'

/** Arguments of sessions commands for which the messages have no field (docs/protocols/sessions-v1.md). */
type Key =
  | 'sessiond-user-id-bin'
  | 'sessiond-address-bin'
  | 'sessiond-client-bin'
  | 'sessiond-load'
  | 'sessiond-with-data'
  | 'sessiond-with-details'

/** What every call may have: it only adds to the reply. */
const ANYWHERE: Key = 'sessiond-with-details'

/**
 * Throws InvalidFieldError if the metadata has another `sessiond-` key than these, or one of them twice. A check that the
 * caller asks for must never be skipped because its key is misspelt.
 */
export function takeOnly(metadata: Metadata, ...keys: readonly Key[]): void {
  for (const key in metadata.getMap()) {
    if (key.startsWith(PREFIX)) {
      if (key !== ANYWHERE && !keys.some((known) => known === key)) {
        throw new InvalidFieldError(key, 'has no meaning for this call')
      }
      if (metadata.get(key).length > 1) {
        throw new InvalidFieldError(key, 'is given more than once')
      }
    }
  }
}

/** The user that the session must belong to. Throws MissingFieldError if the value is empty. */
export function userIdIn(metadata: Metadata): string | undefined {
  const userId = textUnder(metadata, 'sessiond-user-id-bin')
  if (userId === '') {
    throw new MissingFieldError('sessiond-user-id-bin')
  }
  return userId
}

/** The text of a binary key: plain metadata carries only ASCII. */
export function textUnder(metadata: Metadata, key: Key & `${string}-bin`): string | undefined {
  const [value] = metadata.get(key)
  return value === undefined ? undefined : value.toString()
}

/** Whether the key's value is `1`. Throws InvalidFieldError for any other value. */
export function hasMark(metadata: Metadata, key: Key): boolean {
  const [value] = metadata.get(key)
  if (value !== undefined && value !== '1') {
    throw new InvalidFieldError(key, 'must be 1, or left out')
  }
  return value === '1'
}
