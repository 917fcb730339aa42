/** The credentials that came with a call. */
export interface ShownCredentials {
  /** The `Authorization` header, or the metadata of that name. */
  readonly authorization: string | undefined
  /** The certificate that the peer of the connection proved to be its own. */
  readonly certificate: ClientCertificate | undefined
  /** Why the certificate that was shown proves nothing. */
  readonly certificateProblem?: string | undefined
}

export interface ClientCertificate {
  /** DER. */
  readonly raw: Uint8Array
  readonly subject: { readonly CN?: string | readonly string[] }
  readonly subjectaltname?: string | undefined
}

/** Names the proof that the caller is an operator, for the audit log. null if there is none. */
export type ProofOfAdmin = (shown: ShownCredentials) => string | null

/** The token of `Bearer TOKEN` (RFC 6750, section 2.1). */
export function bearerToken(authorization = ''): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
}
