import { useEffect, useState } from 'preact/hooks'
import { counted } from '../parts/count-text.js'
import { Untrusted } from '../parts/untrusted.js'
import type { Operator } from './calls.js'
import { EndDialog } from './end-dialog.js'
import type { Target } from './ending.js'
import { nameOf, type ShownSession } from './sessions.js'

interface EndUserProps {
  /** A session of the user. */
  readonly session: Target
  readonly operator: Operator
  readonly onDone: (outcome: string) => void
  readonly onClose: () => void
}

/** Closes all open sessions of a user, once the operator has seen how many there are. */
export function EndUser({ session, operator, onDone, onClose }: EndUserProps) {
  const [shown, setShown] = useState<ShownSession | null>(null)
  const [open, setOpen] = useState<number | null>(null)
  const [problem, setProblem] = useState('')
  useEffect(() => {
    const look = async () => {
      const found = await operator.show(session.id)
      if (found === null) {
        setProblem('This session is not there any more.')
        return
      }
      setShown(found)
      setOpen(await operator.countOpen(found.userId))
    }
    look().catch((error: Error) => setProblem(error.message))
  }, [])

  const run = async (signal: AbortSignal, onProgress: (done: number) => void) => {
    if (shown === null) {
      return
    }
    let closed = 0
    let isDone = false
    while (!isDone && !signal.aborted) {
      const some = await operator.closeUser(shown.userId)
      closed += some.closed
      isDone = some.isDone
      onProgress(closed)
    }
    const stopped = isDone ? '' : ' Stopped: the others are open.'
    onDone(`Closed ${counted(closed, 'session')} of ${nameOf(shown)}.${stopped}`)
  }
  return (
    <EndDialog
      title="Close all of this user?"
      consequence="Closed sessions stay closed. Their keys, users and data are removed. The audit log tells of each."
      action="Close all"
      cancel="Keep open"
      total={open}
      problem={problem}
      run={run}
      onClose={onClose}
    >
      <dl class="closing" aria-busy={open === null}>
        <div>
          <dt>User</dt>
          <dd>
            <Untrusted text={shown === null ? session.name : nameOf(shown)} />{' '}
            {shown !== null && nameOf(shown) !== shown.userId && (
              <code>
                <Untrusted text={shown.userId} />
              </code>
            )}
          </dd>
        </div>
        <div>
          <dt>Would end</dt>
          <dd>{open === null ? '…' : counted(open, 'session')}</dd>
        </div>
      </dl>
    </EndDialog>
  )
}
