import type { PageState } from '../address/page-state.js'
import type { Navigate } from '../address/use-address.js'
import type { Access } from '../connection/server-facts.js'
import { SignInForm } from '../operator/sign-in.js'
import type { Operating } from '../operator/use-operating.js'
import { Console } from './console.js'

interface AllSessionsProps {
  /** null: not known yet. */
  readonly access: Access | null
  readonly operating: Operating
  readonly state: PageState
  readonly navigate: Navigate
  readonly nowMs: number
}

/** The console, for whoever has signed in; a link may lead others here. */
export function AllSessions({ access, operating, ...props }: AllSessionsProps) {
  const { operator, isPossible, begin, askToEnd } = operating
  if (operator !== null) {
    return <Console operator={operator} askToEnd={askToEnd} {...props} />
  }
  if (access === null) {
    return (
      <div class="state" aria-busy="true">
        <span class="spinner" />
        <p class="muted">Asking the server who may search…</p>
      </div>
    )
  }
  if (!isPossible) {
    return (
      <div class="state">
        <h2>This server has no operators</h2>
        <p class="muted">
          All sessions are for operators to search. They need a server with{' '}
          <code>--admin-token-file</code>.
        </p>
      </div>
    )
  }
  return (
    <div class="state state-form">
      <h2>All sessions are for operators</h2>
      <SignInForm onOperator={begin} withCertificate={access.clientCertificates} />
    </div>
  )
}
