import { EndReason as EndReasonNumber } from '#generated/sessiond/store/v1/store'
import { END_REASONS, type EndReason } from '../../core/session.js'

// What values of several kinds of records have in common.

export const END_REASON_NUMBERS: Readonly<Record<EndReason, EndReasonNumber>> = {
  closed: EndReasonNumber.END_REASON_CLOSED,
  expired: EndReasonNumber.END_REASON_EXPIRED,
  idle: EndReasonNumber.END_REASON_IDLE,
  superseded: EndReasonNumber.END_REASON_SUPERSEDED,
  deleted: EndReasonNumber.END_REASON_DELETED,
  erased: EndReasonNumber.END_REASON_ERASED,
  key_lost: EndReasonNumber.END_REASON_KEY_LOST,
  revoked: EndReasonNumber.END_REASON_REVOKED,
}
export const END_REASONS_BY_NUMBER = new Map(
  END_REASONS.map((reason) => [END_REASON_NUMBERS[reason], reason] as const),
)

/** Throws RangeError for a value that a number cannot represent: the store never writes one. */
export function milliseconds(value: bigint | number): number {
  const ms = Number(value)
  if (!Number.isSafeInteger(ms)) {
    throw new RangeError(`the record holds a time of ${value} ms`)
  }
  return ms
}
