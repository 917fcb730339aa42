import { StoreUnavailableError } from '../../../core/errors.js'
import { EngineError } from './reply.js'

/** What becomes of a call that the engine refused, by the code of its error. Others are what a function of ours says. */
export const REFUSALS: Readonly<Record<string, 'moved' | 'ask' | 'later' | 'unavailable'>> = {
  MOVED: 'moved',
  ASK: 'ask',
  // The keys of a slot that moves are on two nodes.
  TRYAGAIN: 'later',
  CLUSTERDOWN: 'later',
  MASTERDOWN: 'later',
  READONLY: 'later',
  LOADING: 'later',
  BUSY: 'later',
  OOM: 'unavailable',
  MISCONF: 'unavailable',
  NOREPLICAS: 'unavailable',
  NOAUTH: 'unavailable',
  NOPERM: 'unavailable',
}

/** What callers get. The engine's own words, and where it is, stay in the cause. */
export function unavailable(reason: Error): StoreUnavailableError {
  if (reason instanceof EngineError) {
    return new StoreUnavailableError(`the engine answers ${reason.code}`, reason)
  }
  const isOfSystem = 'code' in reason
  return new StoreUnavailableError(
    isOfSystem ? 'the engine cannot be reached' : reason.message,
    reason,
  )
}
