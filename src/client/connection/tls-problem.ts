/** What grpc-js says where a connection was not made, and what it means. */
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
  // A server that waits for TLS takes what comes for none, and says nothing.
  [
    /Last error: Failed to connect/,
    'ended the connection before it said anything: it may want TLS (--tls)',
  ],
]

/** What is wrong with the TLS of a connection that was not made, if it is that, as "the server …". */
export function tlsProblem(details: string): string | undefined {
  return PROBLEMS.find(([pattern]) => pattern.test(details))?.[1]
}
