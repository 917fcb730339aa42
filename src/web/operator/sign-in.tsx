import { useState } from 'preact/hooks'
import { Modal } from '../parts/modal.js'
import { type Operator, OperatorError, signIn } from './operator.js'

interface SignInProps {
  readonly onOperator: (operator: Operator) => void
  readonly onClose: () => void
}

/** Asks for the admin token, and lets the server check it. */
export function SignIn({ onOperator, onClose }: SignInProps) {
  const [token, setToken] = useState('')
  const [problem, setProblem] = useState('')
  const [isAsking, setAsking] = useState(false)

  const submit = async (event: Event) => {
    event.preventDefault()
    setAsking(true)
    setProblem('')
    try {
      onOperator(await signIn(token.trim()))
    } catch (error) {
      setProblem(
        error instanceof OperatorError && error.code === 'CREDENTIAL_REQUIRED'
          ? 'This is not the admin token of the server.'
          : (error as Error).message,
      )
      setAsking(false)
    }
  }
  return (
    <Modal title="Operate" onClose={onClose}>
      <form class="modal-form" onSubmit={submit}>
        <p class="muted">
          With the server’s admin token you can close sessions here. This page forgets it when you
          stop or reload.
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
          <button type="button" class="plain" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="plain primary" disabled={isAsking}>
            Operate
          </button>
        </div>
      </form>
    </Modal>
  )
}
