import type { CallObserver, CallOutcome, IncomingCall } from '../../src/core/calls.js'

/** An observer that writes down what it is told. */
export function recordCalls() {
  const ended: (Pick<IncomingCall, 'transport' | 'method' | 'peer' | 'givenId'> & CallOutcome)[] =
    []
  /** What callers were told no more of than that it happened. */
  const internal: [method: string, error: unknown][] = []
  const observer: CallObserver = {
    begin: ({ transport, method, peer, givenId }) => ({
      requestId: givenId ?? 'made',
      run: (work) => work(),
      end(outcome) {
        ended.push({ transport, method, peer, givenId, ...outcome })
        if (outcome.isInternal) {
          internal.push([method, outcome.error])
        }
      },
    }),
  }
  return { observer, ended, internal }
}

/** An observer for servers that must not fail: the run does then. */
export const NO_FAILURES: CallObserver = {
  begin: ({ givenId }) => ({
    requestId: givenId ?? 'made',
    run: (work) => work(),
    end({ error, isInternal }) {
      if (isInternal) {
        throw error
      }
    },
  }),
}
