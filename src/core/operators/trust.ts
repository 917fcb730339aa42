import { CredentialError, ForwardedError } from '../errors.js'
import type { ProofOfAdmin, ShownCredentials } from './credential.js'

/** What a caller of what is for operators shows, whatever the transport. */
export interface OperatorCall extends ShownCredentials {
  /** Of the request's headers or metadata, in lower case. */
  readonly headerNames: () => Iterable<string>
}

/**
 * Lets a caller have what is for operators, or throws CredentialError or ForwardedError. Names what proved the
 * right, for the audit log; null where nothing was asked for.
 */
export type AdmitOperator = (call: OperatorCall) => string | null

/** What operators show, where anything is configured. */
export interface OperatorCredential {
  readonly proofOf: ProofOfAdmin
  /** What to show, for who did not. */
  readonly wanted: string
}

/**
 * Who may have what is for operators on one listener: the only rule, for every transport. Where a credential is
 * configured it is asked for everywhere. Without one a listener that only this machine can reach is open to
 * whoever connects to it, but not to a proxy, behind which everyone looks like this machine; on any other, null,
 * there is nothing for operators. `advice`: how a credential is configured, for who comes through a proxy.
 */
export function operatorRule(
  credential: OperatorCredential | null,
  isLocal: boolean,
  advice: string,
): AdmitOperator | null {
  if (credential !== null) {
    const { proofOf, wanted } = credential
    return (call) => {
      const proof = proofOf(call)
      if (proof === null) {
        throw new CredentialError(wanted, call)
      }
      return proof
    }
  }
  return isLocal
    ? ({ headerNames }) => {
        refuseForwarded(headerNames(), `${advice}, and show that credential`)
        return null
      }
    : null
}

const PROXY_HEADER =
  /^(?:forwarded|via|x-real-ip|x-(?:original-)?forwarded(?:-.*)?|x-(?:cluster-)?client-ip|true-client-ip|cf-connecting-ip|x-envoy-external-address)$/

/** Throws ForwardedError where one of the headers is a proxy's. `advice`: what would let the call through. */
export function refuseForwarded(headerNames: Iterable<string>, advice: string): void {
  for (const name of headerNames) {
    if (PROXY_HEADER.test(name)) {
      throw new ForwardedError(name, advice)
    }
  }
}
