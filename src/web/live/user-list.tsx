import type { WatchedSession } from '../../client/watch.js'
import { Avatar } from '../parts/avatar.js'
import { day, exact } from '../parts/time-text.js'
import { Untrusted } from '../parts/untrusted.js'
import { Marks } from './marks.js'

/** The users of an expanded session. It scrolls on its own if there are many. */
export function UserList({ session }: { readonly session: WatchedSession }) {
  const { id, beginTime, users } = session
  return (
    <>
      <p class="facts muted">
        Begun {exact(beginTime)} · <code>{id}</code>
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: without it a keyboard could not scroll it */}
      <ul class="users" aria-label="Users" tabIndex={0}>
        {users.map((user) => (
          <li key={user.id}>
            <Avatar name={user.name} />
            <Untrusted class="user-name" text={user.name} />
            <Marks {...user} />
            <span class="since muted" title={exact(user.registrationDate)}>
              <span class="unit">since </span>
              {day(user.registrationDate)}
            </span>
          </li>
        ))}
        {users.length === 0 && <li class="muted">No users.</li>}
      </ul>
    </>
  )
}
