import { useRef, useState } from 'preact/hooks'
import { Modal } from '../parts/modal.js'
import { type Operator, OperatorError, signIn } from './calls.js'

interface SignInProps {
  readonly onOperator: (operator: Operator) => void
  readonly onCancel?: () => void
  /** Whether a client certificate of the browser is a credential too. */
  readonly withCertificate: boolean
}

/** Asks for the admin token, and lets the server check it. */
export function SignInForm({ onOperator, onCancel, withCertificate }: SignInProps) {
  const [token, setToken] = useState('')
  const [problem, setProblem] = useState('')
  const [isAsking, setAsking] = useState(false)

  const enter = async (credential: string | null, refusal: string) => {
    if (isAsking) {
      return
    }
    setAsking(true)
    setProblem('')
    try {
      onOperator(await signIn(credential))
    } catch (error) {
      setProblem(
        error instanceof OperatorError && error.code === 'CREDENTIAL_REQUIRED'
          ? refusal
          : (error as Error).message,
      )
      setAsking(false)
    }
  }
  const submit = (event: Event) => {
    event.preventDefault()
    enter(token.trim(), 'This is not the admin token of the server.')
  }
  const showCertificate = () =>
    enter(null, 'This browser showed no certificate that the server takes.')
  return (
    <form class="sign-in" onSubmit={submit}>
      <p class="muted">
        With the server’s admin token you can search all sessions here, see what is kept of them,
        and close or delete them. This page forgets the token when you stop or reload.
      </p>
      <label class="field">
        Admin token
        <input
          type="password"
          autocomplete="off"
          required
          value={token}
          aria-describedby="sign-in-problem"
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>
      <p id="sign-in-problem" class="problem" role="alert">
        {problem}
      </p>
      <div class="modal-actions">
        {onCancel && (
          <button type="button" class="plain" onClick={onCancel}>
            Cancel
          </button>
        )}
        {withCertificate && (
          <button type="button" class="plain" aria-disabled={isAsking} onClick={showCertificate}>
            Use a certificate
          </button>
        )}
        <button type="submit" class="plain primary" aria-disabled={isAsking}>
          Operate
        </button>
      </div>
    </form>
  )
}

/** The same in a dialog. */
export function SignIn({ onCancel, onOperator, ...props }: Required<SignInProps>) {
  const isCancelled = useRef(false)
  const cancel = () => {
    // The server may still be asked.
    isCancelled.current = true
    onCancel()
  }
  const begin = (operator: Operator) => isCancelled.current || onOperator(operator)
  return (
    <Modal title="Operate" onClose={cancel}>
      <SignInForm {...props} onOperator={begin} onCancel={cancel} />
    </Modal>
  )
}
