import { randomUUID } from 'node:crypto'
import type { CallObserver, CallOutcome, IncomingCall } from '../core/calls.js'
import { CredentialError, SessiondError } from '../core/errors.js'
import type { Logger } from './log.js'
import type { Metrics } from './metrics.js'
import { startCallSpan } from './trace.js'

/** A caller's request id is used only if it cannot be mistaken for anything else in a log. */
const REQUEST_ID = /^[\w./-]{1,64}$/

/** Refusals that are not the caller's fault. */
const UNAVAILABLE = new Set(['STORE_UNAVAILABLE', 'STORE_DAMAGED', 'SERVER_UNAVAILABLE'])

/** Tells metrics, log and traces of every call. */
export function observeCalls(log: Logger, metrics?: Metrics): CallObserver {
  return {
    begin(call) {
      const startedAtMs = performance.now()
      const { givenId } = call
      const isUsable = givenId !== undefined && REQUEST_ID.test(givenId)
      const requestId = isUsable ? givenId : randomUUID()
      const span = startCallSpan(call, requestId)
      metrics?.calls.begun(call.transport)
      return {
        requestId,
        run: span.run,
        end(outcome) {
          const durationMs = performance.now() - startedAtMs
          metrics?.calls.ended(call.transport, call.method, outcome.code, durationMs)
          span.end(outcome)
          if (outcome.error !== undefined || log.isLevelEnabled('debug')) {
            logCall(log, call, outcome, { requestId, durationMs, traceId: span.traceId })
          }
        },
      }
    },
  }
}

function logCall(
  log: Logger,
  { transport, method, peer }: IncomingCall,
  { code, error, isInternal = false }: CallOutcome,
  {
    requestId,
    durationMs,
    traceId,
  }: { requestId: string; durationMs: number; traceId?: string | undefined },
): void {
  const reason = error instanceof SessiondError ? error.code : undefined
  const certificate = error instanceof CredentialError ? error.certificateProblem : undefined
  const fields = {
    ...{ transport, method, code, reason, certificate, peer, requestId, traceId },
    durationMs: Math.round(durationMs * 1000) / 1000,
  }
  if (error === undefined) {
    log.debug({ event: 'call', ...fields }, 'call answered')
  } else if (isInternal) {
    log.error({ event: 'internal-error', ...fields, err: error }, 'call failed')
  } else if (UNAVAILABLE.has(reason ?? '')) {
    log.warn({ event: 'call-unavailable', ...fields }, 'call could not be served')
  } else {
    log.info({ event: 'call-refused', ...fields }, 'call refused')
  }
}
