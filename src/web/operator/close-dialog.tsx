import { useEffect, useState } from 'preact/hooks'
import type { WatchedSession } from '../../client/watch.js'
import { Modal } from '../parts/modal.js'
import type { Operator, SessionOwner } from './operator.js'
import { exact } from '../parts/time-text.js'

/** What an operator is about to close. */
export interface Closing {
  readonly session: WatchedSession
  readonly what: 'session' | 'user'
}

interface CloseDialogProps extends Closing {
  readonly operator: Operator
  /** Called with what was done, in words. */
  readonly onDone: (outcome: string) => void
  readonly onClose: () => void
}

const sessions = (count: number) => `${count} ${count === 1 ? 'session' : 'sessions'}`

/** Shows what will end, and ends it once the operator confirms. */
export function CloseDialog({ session, what, operator, onDone, onClose }: CloseDialogProps) {
  const [owner, setOwner] = useState<SessionOwner | null>(null)
  const [problem, setProblem] = useState('')
  const [isClosing, setClosing] = useState(false)
  const complain = (error: unknown) => setProblem((error as Error).message)
  useEffect(() => {
    operator.look(session.id).then(setOwner, complain)
  }, [operator, session.id])

  const close = async () => {
    if (owner === null) {
      return
    }
    setClosing(true)
    try {
      const name = owner.userName || owner.userId
      if (what === 'user') {
        onDone(`Closed ${sessions(await operator.closeUser(owner.userId))} of ${name}.`)
      } else {
        const closed = await operator.close(session.id)
        onDone(closed === 1 ? `Closed a session of ${name}.` : 'It had already ended.')
      }
    } catch (error) {
      complain(error)
      setClosing(false)
    }
  }
  return (
    <Modal
      title={what === 'user' ? 'Close all of this user?' : 'Close this session?'}
      onClose={onClose}
    >
      <Facts session={session} what={what} owner={owner} />
      <p class="muted">
        A closed session stays closed; its key is gone. The audit log tells of it.
      </p>
      <p class="problem" role="alert">
        {problem}
      </p>
      <div class="modal-actions">
        <button type="button" class="plain" onClick={onClose}>
          Keep open
        </button>
        <button
          type="button"
          class="plain danger"
          disabled={owner === null || isClosing}
          onClick={close}
        >
          {what === 'user' ? 'Close all' : 'Close session'}
        </button>
      </div>
    </Modal>
  )
}

/** What will end, as far as it is known. */
function Facts({ session, what, owner }: Closing & { readonly owner: SessionOwner | null }) {
  return (
    <dl class="closing" aria-busy={owner === null}>
      {what === 'session' && (
        <div>
          <dt>Session</dt>
          <dd>
            <bdi>{session.name || 'Unnamed'}</bdi> <code>{session.id}</code>
          </dd>
        </div>
      )}
      <div>
        <dt>User</dt>
        <dd>
          <bdi>{owner?.userName || session.host.name}</bdi> <code>{owner?.userId}</code>
        </dd>
      </div>
      {what === 'session' && owner !== null && (
        <div>
          <dt>{owner.ending === null ? 'Expires' : 'Ended'}</dt>
          <dd>
            <bdi>{owner.ending === null ? expiryText(owner.expiresAtMs) : endingText(owner)}</bdi>
          </dd>
        </div>
      )}
      {what === 'session' && owner !== null && (
        <div>
          <dt>Opened by</dt>
          <dd>{owner.kind === 'token' ? 'Create (a token session)' : 'a command'}</dd>
        </div>
      )}
      {what === 'user' && (
        <div>
          <dt>Would end</dt>
          <dd>{owner === null ? '…' : sessions(owner.openSessions)}</dd>
        </div>
      )}
    </dl>
  )
}

function expiryText(expiresAtMs: number | null): string {
  return expiresAtMs === null ? 'never by itself' : exact(new Date(expiresAtMs).toString())
}

function endingText({ ending }: SessionOwner): string {
  return ending?.by ? `${ending.reason} by ${ending.by}` : `${ending?.reason}`
}
