import { StoreUnavailableError } from '../../../core/errors.js'
import { EngineError } from './reply.js'

type Refusal = 'moved' | 'ask' | 'later' | 'unavailable'

/** What becomes of a call that the engine refused, by the code of its error. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  MOVED: 'moved',
  ASK: 'ask',
  // The keys of a slot that moves are on two nodes.
  TRYAGAIN: 'later',
  CLUSTERDOWN: 'later',
  MASTERDOWN: 'later',
  READONLY: 'later',
  LOADING: 'later',
  BUSY: 'later',
  OOM: 'unavailable',
  MISCONF: 'unavailable',
  NOREPLICAS: 'unavailable',
  NOAUTH: 'unavailable',
  NOPERM: 'unavailable',
}

/** A function of ours reads records that are not among its keys: while their slot moves they may be on another node. */
const NON_LOCAL = /attempted to access a non local key/i

/** undefined: it is what a function of ours says. */
export function refusalOf({ code, message }: EngineError): Refusal | undefined {
  return NON_LOCAL.test(message) ? 'later' : REFUSALS[code]
}

/** What the engine says of our certificate, in the words of OpenSSL: `…:tlsv1 alert unknown ca:…`. */
const ALERT = /:(?:tlsv1|tlsv13|sslv3|ssl\/tls) alert ([a-z ]+):/

/** The same error, in words that tell an operator what to do where the engine ends the handshake. */
export function readable(error: Error & { readonly code?: unknown }): Error {
  const [, alert] = ALERT.exec(error.message) ?? []
  if (alert === undefined) {
    return error
  }
  const problem = `the engine ended the TLS handshake: ${alert} (if it asks for a client certificate, give one that its tls-ca-cert-file has signed: --store-tls-cert and --store-tls-key)`
  return Object.assign(new Error(problem, { cause: error }), { code: error.code })
}

/** What callers get. The engine's own words, and where it is, stay in the cause. */
export function unavailable(reason: Error): StoreUnavailableError {
  if (reason instanceof EngineError) {
    return new StoreUnavailableError(`the engine answers ${reason.code}`, reason)
  }
  // Of the system, or of a file that the operator named.
  const isOfSystem = 'code' in reason
  return new StoreUnavailableError(
    isOfSystem ? 'the engine cannot be reached' : reason.message,
    reason,
  )
}
