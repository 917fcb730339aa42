import type { JSX } from 'preact'
import { useCallback, useState } from 'preact/hooks'
import type { Access } from '../connection/server-facts.js'
import { Untrusted } from '../parts/untrusted.js'
import type { Operator } from './calls.js'
import { EndSessions } from './end-sessions.js'
import { EndUser } from './end-user.js'
import type { AskToEnd, Ending } from './ending.js'
import { SignIn } from './sign-in.js'

/** What operator mode adds to the page. */
export interface Operating {
  /** Whether the server has operators. */
  readonly isPossible: boolean
  /** null: nobody has signed in. */
  readonly operator: Operator | null
  readonly begin: (operator: Operator) => void
  readonly askToEnd: AskToEnd
  /** The button that starts and ends operator mode; null where the server has none. */
  readonly toggle: JSX.Element | null
  /** The open dialog, and what was done last. */
  readonly overlay: JSX.Element
}

interface Asked {
  readonly ending: Ending
  readonly onEnded: () => void
}

/** Operator mode. Every action needs the admin credential and a confirmation. */
export function useOperating(access: Access | null): Operating {
  const [operator, setOperator] = useState<Operator | null>(null)
  const [isSigningIn, setSigningIn] = useState(false)
  const [asked, setAsked] = useState<Asked | null>(null)
  const [outcome, setOutcome] = useState('')
  const isPossible = access !== null && (access.adminToken || access.clientCertificates)

  const begin = useCallback((signedIn: Operator) => {
    setOperator(() => signedIn)
    setSigningIn(false)
  }, [])
  const stop = () => {
    setOperator(null)
    setOutcome('')
  }
  const askToEnd = useCallback<AskToEnd>((ending, onEnded = () => {}) => {
    setOutcome('')
    setAsked({ ending, onEnded })
  }, [])

  const toggle = isPossible ? (
    <button
      type="button"
      class="plain"
      onClick={operator === null ? () => setSigningIn(true) : stop}
    >
      {operator === null ? 'Operate…' : 'Stop operating'}
    </button>
  ) : null
  const done = (words: string) => {
    setOutcome(words)
    setAsked(null)
    asked?.onEnded()
  }
  const overlay = (
    <>
      {isSigningIn && (
        <SignIn
          onOperator={begin}
          onCancel={() => setSigningIn(false)}
          withCertificate={access?.clientCertificates === true}
        />
      )}
      {operator !== null && asked !== null && (
        <EndingDialog
          ending={asked.ending}
          operator={operator}
          onDone={done}
          onClose={() => setAsked(null)}
        />
      )}
      <div role="status" class="notices toast">
        {operator !== null && outcome !== '' && (
          <p class="notice">
            <Untrusted text={outcome} />
            <button type="button" class="plain" onClick={() => setOutcome('')}>
              Dismiss
            </button>
          </p>
        )}
      </div>
    </>
  )
  return { isPossible, operator, begin, askToEnd, toggle, overlay }
}

interface EndingDialogProps {
  readonly ending: Ending
  readonly operator: Operator
  readonly onDone: (outcome: string) => void
  readonly onClose: () => void
}

function EndingDialog({ ending, ...props }: EndingDialogProps) {
  return ending.what === 'close-user' ? (
    <EndUser session={ending.session} {...props} />
  ) : (
    <EndSessions what={ending.what} sessions={ending.sessions} {...props} />
  )
}
