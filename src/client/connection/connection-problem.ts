/** Messages of grpc-js and Node about a failed connection, and what each means. */
const PROBLEMS: readonly (readonly [RegExp, problem: string])[] = [
  [
    /self[- ]signed certificate|unable to (?:verify the first|get (?:local )?issuer) certificate/,
    'shows a certificate of an authority that is not trusted here: name it with tls.ca (--tls-ca)',
  ],
  [
    /does not match certificate's altnames/,
    'shows a certificate that is not of this name: connect by a name or an address that stands in it',
  ],
  [/certificate has expired/, 'shows a certificate that has expired'],
  [/certificate is not yet valid/, 'shows a certificate that is not valid yet: compare the clocks'],
  [/wrong version number|packet length too long/, 'does not speak TLS on this port'],
  [/ECONNREFUSED/, 'cannot be reached: nothing listens on this port'],
  [/Name resolution failed|ENOTFOUND/, 'cannot be reached: its name cannot be resolved'],
  [/Last error: Protocol error/, 'does not speak gRPC on this port'],
  // A server that expects TLS closes the connection without a word.
  [
    /Last error: Failed to connect/,
    'ended the connection before it said anything: it may want TLS (--tls)',
  ],
]

/** Why a connection failed, to follow "the server …"; undefined if the message says nothing that is known. */
export function connectionProblem(details: string): string | undefined {
  return PROBLEMS.find(([pattern]) => pattern.test(details))?.[1]
}
