import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Operator } from '../operator/calls.js'
import type { Ending } from '../operator/ending.js'
import { nameOf, type ShownSession } from '../operator/sessions.js'
import { JsonTree } from '../parts/json-tree.js'
import { useKeptFocus } from '../parts/use-kept-focus.js'
import { SessionFacts } from './session-facts.js'

interface SessionDetailsProps {
  readonly id: string
  /** Another one asks the server again. */
  readonly version: string
  readonly operator: Operator
  readonly nowMs: number
  /** Searches for sessions with this part in common. */
  readonly onFind: (conditions: FindConditions) => void
  readonly onEnd: (ending: Ending) => void
}

interface FindConditions {
  readonly user?: string
  readonly address?: string
  readonly client?: string
}

/** Everything that is kept of a session, and what can be done with it. */
export function SessionDetails({ id, version, operator, ...props }: SessionDetailsProps) {
  const [session, setSession] = useState<ShownSession | 'gone' | null>(null)
  const [problem, setProblem] = useState('')
  useKeptFocus()
  useEffect(() => {
    let isLeft = false
    operator.show(id).then(
      (shown) => {
        if (!isLeft) {
          setSession(shown ?? 'gone')
          setProblem('')
        }
      },
      (error: Error) => isLeft || setProblem(error.message),
    )
    return () => {
      isLeft = true
    }
  }, [operator, id, version])

  if (problem !== '') {
    return (
      <p class="problem" role="alert">
        {problem}
      </p>
    )
  }
  if (session === null) {
    return <p class="muted">Loading…</p>
  }
  if (session === 'gone') {
    return (
      <p role="status">
        The server has no session <code>{id}</code>. It was deleted, purged after the retention, or
        never there.
      </p>
    )
  }
  return (
    <div class="details">
      <SessionFacts session={session} nowMs={props.nowMs} />
      <Kept session={session} />
      <Actions session={session} {...props} />
    </div>
  )
}

/** What callers keep in the session. */
function Kept({ session: { isOpen, user, data } }: { readonly session: ShownSession }) {
  if (!isOpen && user === null && data === null) {
    return <p class="muted">Its user and its data were removed when it ended.</p>
  }
  return (
    <div class="trees">
      {user === null ? <Nothing title="User" /> : <JsonTree title="User" text={user} />}
      {data === null ? <Nothing title="Data" /> : <JsonTree title="Data" text={data} />}
    </div>
  )
}

function Nothing({ title }: { readonly title: string }): ComponentChildren {
  return (
    <section class="json" aria-label={title}>
      <h2>{title}</h2>
      <p class="muted">Nothing is kept.</p>
    </section>
  )
}

interface ActionsProps extends Pick<SessionDetailsProps, 'onFind' | 'onEnd'> {
  readonly session: ShownSession
}

function Actions({ session, onFind, onEnd }: ActionsProps) {
  const { id, isOpen, userId, address, client } = session
  const target = { id, name: nameOf(session) }
  return (
    <div class="details-actions">
      <span class="muted">Find all with this</span>
      <button
        type="button"
        class="link"
        aria-label="Find all with this user"
        onClick={() => onFind({ user: userId })}
      >
        user
      </button>
      {address !== '' && (
        <button
          type="button"
          class="link"
          aria-label="Find all with this address"
          onClick={() => onFind({ address })}
        >
          address
        </button>
      )}
      {client !== '' && (
        <button
          type="button"
          class="link"
          aria-label="Find all with this client"
          onClick={() => onFind({ client })}
        >
          client
        </button>
      )}
      <span class="gap" />
      {isOpen && (
        <button
          type="button"
          class="plain danger"
          onClick={() => onEnd({ what: 'close', sessions: [target] })}
        >
          Close session…
        </button>
      )}
      <button
        type="button"
        class="plain danger"
        onClick={() => onEnd({ what: 'close-user', session: target })}
      >
        Close all of this user…
      </button>
      <button
        type="button"
        class="plain danger"
        onClick={() => onEnd({ what: 'delete', sessions: [target] })}
      >
        Delete…
      </button>
    </div>
  )
}
