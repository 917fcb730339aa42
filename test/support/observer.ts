import type { CallObserver, CallOutcome, IncomingCall } from '../../src/core/calls.js'

/** An observer that writes down what it is told. */
export function recordCalls() {
  const ended: (Pick<IncomingCall, 'transport' | 'method' | 'peer' | 'givenId'> & CallOutcome)[] =
    []
  const observer: CallObserver = {
    begin: ({ transport, method, peer, givenId }) => ({
      requestId: givenId ?? 'made',
      run: (work) => work(),
      end: (outcome) => ended.push({ transport, method, peer, givenId, ...outcome }),
    }),
  }
  return {
    observer,
    ended,
    /** What callers were told no more of than that it happened. */
    internal: () =>
      ended
        .filter(({ isInternal }) => isInternal)
        .map(({ method, error }): [string, unknown] => [method, error]),
  }
}
