import { useState } from 'preact/hooks'
import { CloseDialog, type Closing } from './close-dialog.js'
import type { Operator } from './operator.js'
import { SignIn } from './sign-in.js'

/** What operator mode adds to the page. */
export interface Operating {
  /** Opens the dialog that closes sessions. Absent outside operator mode. */
  readonly askToClose?: (closing: Closing) => void
  /** The button that starts and ends operator mode. */
  readonly toggle: preact.JSX.Element
  /** The open dialog, and what was done last. */
  readonly overlay: preact.JSX.Element
}

/** Operator mode. Every action needs the admin token and a confirmation. */
export function useOperating(): Operating {
  const [operator, setOperator] = useState<Operator | null>(null)
  const [isSigningIn, setSigningIn] = useState(false)
  const [closing, setClosing] = useState<Closing | null>(null)
  const [outcome, setOutcome] = useState('')

  const stop = () => {
    setOperator(null)
    setOutcome('')
  }
  const toggle =
    operator === null ? (
      <button type="button" class="plain" onClick={() => setSigningIn(true)}>
        Operate…
      </button>
    ) : (
      <button type="button" class="plain" onClick={stop}>
        Stop operating
      </button>
    )
  const overlay = (
    <>
      {isSigningIn && (
        <SignIn
          onOperator={(signedIn) => {
            setOperator(signedIn)
            setSigningIn(false)
          }}
          onClose={() => setSigningIn(false)}
        />
      )}
      {operator !== null && closing !== null && (
        <CloseDialog
          {...closing}
          operator={operator}
          onDone={(done) => {
            setOutcome(done)
            setClosing(null)
          }}
          onClose={() => setClosing(null)}
        />
      )}
      <div role="status" class="notices">
        {operator !== null && outcome !== '' && (
          <p class="notice">
            <bdi>{outcome}</bdi>
            <button type="button" class="plain" onClick={() => setOutcome('')}>
              Dismiss
            </button>
          </p>
        )}
      </div>
    </>
  )
  return { toggle, overlay, ...(operator !== null && { askToClose: setClosing }) }
}
