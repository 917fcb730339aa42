import { Ending } from '#generated/sessiond/store/v1/store'
import type { SessionEnding } from '../../core/session.js'
import { isUuidV4, UUID_BYTES, uuidBytes, uuidText } from '../../core/uuid.js'
import { END_REASON_NUMBERS, END_REASONS_BY_NUMBER, milliseconds } from './values.js'

export function encodeEnding({ id, endTimeMs, reason, exp }: SessionEnding): Uint8Array {
  return Ending.encode({
    sessionUuid: uuidBytes(id),
    endTimeMs: BigInt(endTimeMs),
    reason: END_REASON_NUMBERS[reason],
    exp,
  }).finish()
}

/** Throws RangeError for what the store never writes. */
export function decodeEnding(bytes: Uint8Array): SessionEnding {
  const { sessionUuid, endTimeMs, reason, exp } = Ending.decode(bytes)
  const id = uuidText(sessionUuid)
  if (sessionUuid.length !== UUID_BYTES || !isUuidV4(id)) {
    throw new RangeError('the ending is of no session that a token can name')
  }
  // A release that knows more reasons may have written it.
  return {
    id,
    endTimeMs: milliseconds(endTimeMs),
    reason: END_REASONS_BY_NUMBER.get(reason) ?? 'closed',
    exp,
  }
}
