import { useState } from 'preact/hooks'
import { CloseDialog, type Closing } from './close-dialog.js'
import type { Operator } from './operator.js'
import { SignIn } from './sign-in.js'

/** What the page lets its person do beside looking. */
export interface Operating {
  /** Asks what to close; absent while no one operates. */
  readonly askToClose?: (closing: Closing) => void
  /** The button that begins and ends it. */
  readonly toggle: preact.JSX.Element
  /** The dialog that is open, and what was done. */
  readonly overlay: preact.JSX.Element
}

/** Operator mode: nothing without the admin token, and nothing without a confirmation. */
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
