import { type Metadata, type StatusObject, status } from '@grpc/grpc-js'
import type { CallObserver, CallOutcome, RunningCall } from '../../core/calls.js'
import { bracketedPeer } from '../../net/address.js'
import { type Refusal, toStatus } from './status.js'

/** Where a request's id travels: as the caller gives it, and back with what was refused. */
const REQUEST_ID = 'x-request-id'

interface AnyCall {
  readonly metadata: Metadata
  getPath(): string
  getPeer(): string
}

/** Tells the observer of a call, whose method is one of ours. */
export function beginCall(observer: CallObserver, call: AnyCall): RunningCall {
  const header = (name: string) => call.metadata.get(name)[0]?.toString()
  return observer.begin({
    transport: 'grpc',
    method: call.getPath().slice(1),
    peer: bracketedPeer(call.getPeer()),
    givenId: header(REQUEST_ID),
    header,
  })
}

/** What the client is told of an error, with the id under which the server's log has more. */
export function refusalOf(error: unknown, { requestId }: RunningCall): Refusal {
  const refusal = toStatus(error)
  refusal.metadata.set(REQUEST_ID, requestId)
  return refusal.code === status.INTERNAL
    ? { ...refusal, details: `${refusal.details} (request ${requestId})` }
    : refusal
}

/** The same for the observer. */
export function outcomeOf({ code }: StatusObject, error: unknown): CallOutcome {
  return { code: status[code], error, isInternal: code === status.INTERNAL }
}
