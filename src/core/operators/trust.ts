import { CredentialError, ForwardedError } from '../errors.js'
import type { ProofOfAdmin, ShownCredentials } from './credential.js'

/** A call that needs an operator, on any transport. */
export interface OperatorCall extends ShownCredentials {
  /** Names of the request's headers or metadata, in lower case. */
  readonly headerNames: () => Iterable<string>
}

/**
 * Admits an operator, or throws CredentialError or ForwardedError. Returns the proof for the audit log, null if none
 * was needed.
 */
export type AdmitOperator = (call: OperatorCall) => string | null

/** The admin credential that is configured. */
export interface OperatorCredential {
  readonly proofOf: ProofOfAdmin
  /** What to show, for callers who did not. */
  readonly wanted: string
}

/**
 * Who is an operator on a listener: the one rule, for every transport. If a credential is configured, every caller must
 * show it. If not, a local listener admits every caller that no proxy forwarded (a proxy makes all callers look
 * local), and any other listener serves nothing to operators: null. `advice`: how to configure a credential.
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

/** Throws ForwardedError if a header shows a proxy. `advice`: what would let the call through. */
export function refuseForwarded(headerNames: Iterable<string>, advice: string): void {
  for (const name of headerNames) {
    if (PROXY_HEADER.test(name)) {
      throw new ForwardedError(name, advice)
    }
  }
}
