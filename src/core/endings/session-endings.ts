import { type EpochSettings, epochEndsAtMs } from '../epoch.js'
import type { SessionChange } from '../events.js'
import type { EndReason, Session, SessionEnding } from '../session.js'
import type { EndingDeadline } from '../store.js'
import { isUuidV4 } from '../uuid.js'

/** The ending that a change amounts to. null: it ends no token session, or none within its lifetime. */
export function endingOf(
  { before, after, removal }: SessionChange,
  epochs: EpochSettings,
): SessionEnding | null {
  if (before === null || !before.active || before.token === null || after?.active) {
    return null
  }
  return after === null
    ? unexpired(
        before,
        removal?.timeMs ?? before.requestTimeMs,
        removal?.reason ?? 'deleted',
        epochs,
      )
    : endingIn(after, epochs)
}

/** The ending that the record of an ended session tells of. null as in `endingOf`. */
export function endingIn(session: Session, epochs: EpochSettings): SessionEnding | null {
  const { active, requestTimeMs, closeTimeMs, ending } = session
  // An earlier release did not say why: it ended sessions by closing them.
  const reason = ending?.reason ?? 'closed'
  return active ? null : unexpired(session, closeTimeMs ?? requestTimeMs, reason, epochs)
}

/** When an ending is forgotten: then no token of the session is good any more. */
export function deadlineOfEnding(
  { id, exp }: Pick<SessionEnding, 'id' | 'exp'>,
  epochs: EpochSettings,
): EndingDeadline {
  return { kind: 'ending', timeMs: epochEndsAtMs(exp, epochs), id }
}

function unexpired(
  { id, token }: Session,
  endTimeMs: number,
  reason: EndReason,
  epochs: EpochSettings,
): SessionEnding | null {
  // No token can name a session with another id.
  if (token === null || !isUuidV4(id)) {
    return null
  }
  const { exp } = token.lifetime
  return endTimeMs < epochEndsAtMs(exp, epochs) ? { id, endTimeMs, reason, exp } : null
}
