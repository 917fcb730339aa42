import { useEffect, useState } from 'preact/hooks'
import { counted, number } from '../parts/count-text.js'
import { expiryText } from '../parts/time-text.js'
import { Untrusted } from '../parts/untrusted.js'
import type { Operator, Outcome } from './calls.js'
import { EndDialog } from './end-dialog.js'
import { endAll, forecast, report, type Target } from './ending.js'
import { endingText } from './ending-text.js'
import { nameOf, type ShownSession } from './sessions.js'

interface EndSessionsProps {
  readonly what: 'close' | 'delete'
  readonly sessions: readonly Target[]
  readonly operator: Operator
  /** Called with what was done, in words. */
  readonly onDone: (outcome: string) => void
  readonly onClose: () => void
}

const CONSEQUENCES = {
  close:
    'A closed session stays closed. Its key, its user and its data are removed; its record is kept for the retention. The audit log tells of it.',
  delete:
    'Nothing of a deleted session is left but the entry in the audit log. This cannot be undone.',
}

/** Closes or deletes one session or several, once the operator has seen what will happen. */
export function EndSessions({ what, sessions, operator, onDone, onClose }: EndSessionsProps) {
  const [trial, setTrial] = useState<readonly Outcome[] | null>(null)
  const [problem, setProblem] = useState('')
  const ids = sessions.map(({ id }) => id)
  const [first] = sessions
  const isOne = sessions.length === 1

  useEffect(() => {
    const leaving = new AbortController()
    const options = { isTrial: true, signal: leaving.signal, onProgress: () => {} }
    endAll(operator, what, ids, options).then(setTrial, (error) => setProblem(error.message))
    return () => leaving.abort()
  }, [])

  const run = async (signal: AbortSignal, onProgress: (done: number) => void) => {
    const outcomes = await endAll(operator, what, ids, { isTrial: false, signal, onProgress })
    onDone(isOne ? sentenceOf(outcomes[0], first?.name ?? '') : report(outcomes, ids.length))
  }
  const verb = what === 'close' ? 'Close' : 'Delete'
  return (
    <EndDialog
      title={isOne ? `${verb} this session?` : `${verb} ${number(sessions.length)} sessions?`}
      consequence={CONSEQUENCES[what]}
      action={isOne ? `${verb} session` : `${verb} ${counted(sessions.length, 'session')}`}
      cancel={what === 'close' ? 'Keep open' : 'Cancel'}
      total={trial === null ? null : sessions.length}
      problem={problem}
      run={run}
      onClose={onClose}
    >
      {isOne && first ? (
        <SessionFacts id={first.id} operator={operator} />
      ) : (
        <Names sessions={sessions} />
      )}
      <ul class="forecast" aria-label="What will happen" aria-busy={trial === null}>
        {trial === null && problem === '' && <li class="muted">Asking the server…</li>}
        {trial !== null && forecast(what, trial).map((told) => <li key={told}>{told}</li>)}
      </ul>
    </EndDialog>
  )
}

function sentenceOf(outcome: Outcome | undefined, name: string): string {
  switch (outcome?.outcome) {
    case 'closed':
      return `Closed a session of ${name}.`
    case 'deleted':
      return `Deleted a session of ${name}.`
    case 'had_ended':
      return 'It had already ended.'
    case 'not_found':
      return 'It is not there any more.'
    default:
      return outcome === undefined ? 'Stopped before anything was done.' : outcome.message
  }
}

const MOST_NAMES = 5

function Names({ sessions }: { readonly sessions: readonly Target[] }) {
  const left = sessions.length - MOST_NAMES
  return (
    <ul class="names">
      {sessions.slice(0, MOST_NAMES).map(({ id, name }) => (
        <li key={id}>
          <Untrusted text={name} /> <code>{id}</code>
        </li>
      ))}
      {left > 0 && <li class="muted">and {number(left)} more</li>}
    </ul>
  )
}

/** Whose session it is. */
function SessionFacts({ id, operator }: { readonly id: string; readonly operator: Operator }) {
  const [session, setSession] = useState<ShownSession | null>(null)
  useEffect(() => {
    // If it cannot be shown, the trial says why.
    operator.show(id).then(setSession, () => {})
  }, [])
  return (
    <dl class="closing" aria-busy={session === null}>
      <div>
        <dt>Session</dt>
        <dd>
          <code>{id}</code>
        </dd>
      </div>
      {session !== null && (
        <>
          <div>
            <dt>User</dt>
            <dd>
              <Untrusted text={nameOf(session)} />{' '}
              {nameOf(session) !== session.userId && <code>{session.userId}</code>}
            </dd>
          </div>
          <div>
            <dt>Opened by</dt>
            <dd>{session.kind === 'token' ? 'Create (a token session)' : 'a command'}</dd>
          </div>
          <div>
            <dt>{session.isOpen ? 'Expires' : 'Ended'}</dt>
            <dd>
              <bdi>{session.isOpen ? expiryText(session.expiresAtMs) : endingText(session)}</bdi>
            </dd>
          </div>
        </>
      )}
    </dl>
  )
}
