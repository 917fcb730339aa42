import type { AuditEntry } from '../../core/operators/audit.js'
import type { AdminCall, AdminMethodPorts } from '../services/admin/method.js'

type Facts = AuditEntry['facts']

/**
 * Does what `act` does if an entry of it can be kept, and keeps one, with the facts that it returns; also
 * where it fails, for part of it may be done.
 */
export async function audited<T>(
  { audit, caller }: AdminMethodPorts,
  call: AdminCall,
  action: string,
  about: Facts,
  act: () => Promise<{ readonly response: T; readonly facts: Facts }>,
): Promise<T> {
  await audit.check()
  let facts: Facts = { outcome: 'failed' }
  try {
    const done = await act()
    facts = { outcome: 'done', ...done.facts }
    return done.response
  } finally {
    await audit.record({ action, caller: caller(call), facts: { ...about, ...facts } })
  }
}

/** The same for a stream. `factsSoFar` is asked at its end, whoever ends it. */
export async function* auditedStream<T>(
  { audit, caller }: AdminMethodPorts,
  call: AdminCall,
  action: string,
  stream: AsyncIterable<T>,
  factsSoFar: () => Facts,
): AsyncGenerator<T, void> {
  await audit.check()
  let outcome = 'interrupted'
  try {
    yield* stream
    outcome = 'done'
  } catch (error) {
    outcome = 'failed'
    throw error
  } finally {
    await audit.record({ action, caller: caller(call), facts: { outcome, ...factsSoFar() } })
  }
}
