import { SessiondError } from './sessiond-error.js'

// Why a caller is not trusted.

/** The call needs an admin credential, and has none, or a wrong one. */
export class CredentialError extends SessiondError {
  readonly code = 'CREDENTIAL_REQUIRED'
  /** Why a client certificate was shown and not accepted: OpenSSL's code, such as `CERT_HAS_EXPIRED`. */
  readonly certificateProblem: string | undefined

  /** `wanted`: what would do; `shown`: what was there instead. */
  constructor(
    wanted: string,
    shown: {
      readonly authorization?: string | undefined
      readonly certificateProblem?: string | undefined
    } = {},
  ) {
    const { authorization, certificateProblem } = shown
    const isMissing = authorization === undefined && certificateProblem === undefined
    const problem = isMissing
      ? 'an admin credential is needed'
      : authorization === undefined
        ? `the client certificate that was shown is not accepted (${certificateProblem})`
        : "the admin credential that was shown is not this server's"
    const credential = isMissing ? 'missing' : 'wrong'
    const certificate = certificateProblem && { certificate: certificateProblem }
    super(`${problem}: ${wanted}`, { metadata: { credential, ...certificate } })
    this.certificateProblem = certificateProblem
  }
}

/** The call is only for this machine, and came through a proxy, which makes every caller look local. */
export class ForwardedError extends SessiondError {
  readonly code = 'FORWARDED'

  /** `header`: what shows the proxy; `advice`: what would let the call through. */
  constructor(header: string, advice: string) {
    super(
      `this is for callers on the server's own machine, and a proxy passed the call on ("${header}"): ${advice}`,
      { metadata: { header } },
    )
  }
}
