import type { WatchedSession } from '../../client/watch.js'
import type { AskToEnd } from '../operator/ending.js'
import { Avatar } from '../parts/avatar.js'
import { ago, exact, JUST_NOW } from '../parts/time-text.js'
import { Untrusted } from '../parts/untrusted.js'
import { Marks } from './marks.js'
import { UserList } from './user-list.js'

interface SessionRowProps {
  readonly session: WatchedSession
  readonly index: number
  readonly count: number
  readonly top: number
  readonly opened: boolean
  /** Whether Tab reaches this row. */
  readonly reachable: boolean
  readonly nowMs: number
  readonly onToggle: () => void
  readonly onFocus: () => void
  readonly actions: RowActions | undefined
}

/** What operators can do with a row. Absent outside operator mode. */
export interface RowActions {
  readonly askToEnd: AskToEnd
  /** Shows everything about a session. */
  readonly onDetails: (id: string) => void
}

/** One session. If expanded, its users are below it. */
export function SessionRow(props: SessionRowProps) {
  const { session, index, count, top, opened, reachable, nowMs, actions } = props
  const { id, name, host, activeUsers, joinedUsers, beginTime } = session
  const begun = ago(beginTime, nowMs)
  const panel = `users-of-${id}`
  return (
    <li
      class={opened ? 'row row-opened' : 'row'}
      style={{ transform: `translateY(${top}px)` }}
      aria-setsize={count}
      aria-posinset={index + 1}
    >
      <button
        type="button"
        class="row-button"
        data-id={id}
        tabIndex={reachable ? 0 : -1}
        aria-expanded={opened}
        aria-controls={opened ? panel : undefined}
        onClick={props.onToggle}
        onFocus={props.onFocus}
      >
        <Avatar name={host.name} />
        <span class="what">
          <Untrusted class={name ? 'name' : 'name muted'} text={name || 'Unnamed'} />
          <span class="host">
            <Untrusted class="host-name" text={host.name} />
            <Marks {...host} />
          </span>
        </span>
        <span class="counts">
          <strong>{activeUsers}</strong> of {joinedUsers}
          <span class="unit"> active</span>
        </span>
        <time
          class={begun === JUST_NOW ? 'began began-now' : 'began'}
          dateTime={beginTime}
          title={exact(beginTime)}
        >
          {begun}
        </time>
        <svg class="chevron" viewBox="0 0 16 16" aria-hidden="true">
          <path d="m4 6 4 4 4-4" />
        </svg>
      </button>
      {opened && (
        <div class="panel" id={panel}>
          <UserList session={session} />
          {actions && <Actions session={session} {...actions} />}
        </div>
      )}
    </li>
  )
}

/** The buttons of operator mode. */
function Actions({
  session,
  askToEnd,
  onDetails,
}: RowActions & { readonly session: WatchedSession }) {
  const target = { id: session.id, name: session.host.name }
  return (
    <div class="row-actions">
      <button type="button" class="plain" onClick={() => onDetails(session.id)}>
        Details
      </button>
      <button
        type="button"
        class="plain danger"
        onClick={() => askToEnd({ what: 'close', sessions: [target] })}
      >
        Close session…
      </button>
      <button
        type="button"
        class="plain danger"
        onClick={() => askToEnd({ what: 'close-user', session: target })}
      >
        Close all of <Untrusted text={session.host.name} />…
      </button>
    </div>
  )
}
