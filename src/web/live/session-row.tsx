import type { WatchedSession } from '../../client/watch.js'
import { Avatar } from '../parts/avatar.js'
import type { Closing } from '../operator/close-dialog.js'
import { Marks } from './marks.js'
import { ago, exact, JUST_NOW } from '../parts/time-text.js'
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
  /** Absent outside operator mode. */
  readonly askToClose: ((closing: Closing) => void) | undefined
}

/** One session. If expanded, its users are below it. */
export function SessionRow(props: SessionRowProps) {
  const { session, index, count, top, opened, reachable, nowMs, askToClose } = props
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
          <bdi class={name ? 'name' : 'name muted'}>{name || 'Unnamed'}</bdi>
          <span class="host">
            <bdi class="host-name">{host.name}</bdi>
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
          {askToClose && <Actions session={session} askToClose={askToClose} />}
        </div>
      )}
    </li>
  )
}

interface ActionsProps {
  readonly session: WatchedSession
  readonly askToClose: (closing: Closing) => void
}

/** The buttons of operator mode. */
function Actions({ session, askToClose }: ActionsProps) {
  return (
    <div class="row-actions">
      <button
        type="button"
        class="plain danger"
        onClick={() => askToClose({ session, what: 'session' })}
      >
        Close session…
      </button>
      <button
        type="button"
        class="plain danger"
        onClick={() => askToClose({ session, what: 'user' })}
      >
        Close all of <bdi>{session.host.name}</bdi>…
      </button>
    </div>
  )
}
