import type { ComponentChildren } from 'preact'
import { endingText, reasonText } from '../operator/ending-text.js'
import { type FoundSession, nameOf } from '../operator/sessions.js'
import { ago, exact, until } from '../parts/time-text.js'
import { Untrusted } from '../parts/untrusted.js'

interface FoundRowProps {
  readonly session: FoundSession
  /** Whether Tab reaches this row. */
  readonly isReachable: boolean
  readonly isOpened: boolean
  readonly isSelected: boolean
  readonly nowMs: number
  readonly onFocus: () => void
  readonly onToggle: () => void
  readonly onSelect: (isSelected: boolean) => void
  readonly details: ComponentChildren
}

/** One found session. If expanded, its details are below it. */
export function FoundRow(props: FoundRowProps) {
  const { session, isReachable, isOpened, isSelected, nowMs, details } = props
  const { id, userId, address, client, openedAtMs, requestAtMs } = session
  const name = nameOf(session)
  const panel = `details-of-${id}`
  const tabIndex = isReachable ? 0 : -1
  return (
    <li class={isOpened ? 'found-row found-opened' : 'found-row'} onFocusCapture={props.onFocus}>
      <label class="found-check">
        <input
          type="checkbox"
          class="found-box"
          tabIndex={tabIndex}
          checked={isSelected}
          onChange={(event) => props.onSelect(event.currentTarget.checked)}
        />
        <span class="visually-hidden">
          Select the session of <Untrusted text={name} />, {id}
        </span>
      </label>
      <button
        type="button"
        class="found-button"
        data-id={id}
        tabIndex={tabIndex}
        aria-expanded={isOpened}
        aria-controls={isOpened ? panel : undefined}
        onClick={props.onToggle}
      >
        <span class="cell">
          <span class="cell-line">
            <Untrusted class="cell-main" text={name || 'No user'} />
            {session.kind === 'token' && <span class="kind">token</span>}
          </span>
          <Untrusted class="cell-more code" text={name === userId ? id : userId} />
        </span>
        <span class="cell">
          <Untrusted class="cell-text" text={client || 'No client'} />
          <Untrusted class="cell-more" text={address || 'no address'} />
        </span>
        <span class="cell cell-times">
          <time title={exact(requestAtMs)}>{ago(requestAtMs, nowMs)}</time>
          <time class="cell-more" title={exact(openedAtMs)}>
            opened {ago(openedAtMs, nowMs)}
          </time>
        </span>
        <State session={session} nowMs={nowMs} />
        <svg class="chevron" viewBox="0 0 16 16" aria-hidden="true">
          <path d="m4 6 4 4 4-4" />
        </svg>
      </button>
      {isOpened && (
        <div class="found-panel" id={panel}>
          {details}
        </div>
      )}
    </li>
  )
}

type StateProps = Pick<FoundRowProps, 'session' | 'nowMs'>

function State({ session, nowMs }: StateProps) {
  const { isOpen, expiresAtMs, endedAtMs } = session
  return isOpen ? (
    <span class="cell cell-state">
      <span class="pill pill-open">Open</span>
      <span class="cell-more">
        {expiresAtMs === null ? 'no expiry' : expiryIn(expiresAtMs, nowMs)}
      </span>
    </span>
  ) : (
    <span class="cell cell-state" title={endingText(session)}>
      <span class="pill">{reasonText(session)}</span>
      <span class="cell-more">{endedAtMs !== null && ago(endedAtMs, nowMs)}</span>
    </span>
  )
}

function expiryIn(expiresAtMs: number, nowMs: number): string {
  const text = until(expiresAtMs, nowMs)
  return text === 'never' ? 'no expiry' : `ends ${text}`
}
