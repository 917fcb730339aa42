import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { CallOutcome } from '../../../src/core/calls.js'
import { MissingFieldError, StoreUnavailableError } from '../../../src/core/errors.js'
import { observeCalls } from '../../../src/observability/observe-calls.js'
import { keptLog } from '../../support/log.js'

/** What is logged of a call that ends so. */
function observe(outcome: CallOutcome, givenId?: string, level?: string) {
  const { log, lines } = keptLog(level)
  const running = observeCalls(log).begin({
    transport: 'grpc',
    method: 'session.Session/Create',
    peer: '127.0.0.1:5',
    givenId,
    header: () => undefined,
  })
  expect(running.run(() => 'work')).toBe('work')
  running.end(outcome)
  return { lines: lines(), requestId: running.requestId }
}

describe('a call', () => {
  it.each<[string, string, CallOutcome, object]>([
    ['call', 'debug', { code: 'OK' }, {}],
    [
      'call-refused',
      'info',
      { code: 'INVALID_ARGUMENT', error: new MissingFieldError('body') },
      { reason: 'MISSING_FIELD' },
    ],
    [
      'call-unavailable',
      'warn',
      { code: 'UNAVAILABLE', error: new StoreUnavailableError('full') },
      { reason: 'STORE_UNAVAILABLE' },
    ],
    [
      'internal-error',
      'error',
      { code: 'INTERNAL', error: new TypeError('oops'), isInternal: true },
      { err: { name: 'TypeError', stack: expect.any(String) } },
    ],
  ])('is logged as %s, %s', (event, level, outcome, more) => {
    const { lines } = observe(outcome, 'id-1')
    const { code } = outcome
    expect(lines).toEqual([
      {
        ...{ level, event, code, ...more, time: expect.anything(), msg: expect.any(String) },
        ...{ transport: 'grpc', method: 'session.Session/Create', peer: '127.0.0.1:5' },
        ...{ request_id: 'id-1', duration_ms: expect.any(Number) },
      },
    ])
  })

  it('is logged with the milliseconds that it took, to the microsecond', () => {
    const times = [1000, 1012.3456789]
    vi.spyOn(performance, 'now').mockImplementation(() => times.shift() ?? 0)
    onTestFinished(() => void vi.restoreAllMocks())
    expect(observe({ code: 'OK' }).lines).toMatchObject([{ duration_ms: 12.346 }])
  })

  it('that was refused is logged at the info level too', () => {
    const refused = { code: 'INVALID_ARGUMENT', error: new MissingFieldError('body') }
    expect(observe(refused, undefined, 'info').lines).toMatchObject([{ event: 'call-refused' }])
  })

  it('that was answered is logged at the debug level alone', () => {
    expect(observe({ code: 'OK' }, undefined, 'info').lines).toEqual([])
  })

  it.each([undefined, '', 'a b', 'a\nb', '"', 'é', 'x'.repeat(65)])(
    'has an id made for it where the caller gives %j',
    (given) => {
      const { requestId, lines } = observe({ code: 'OK' }, given)
      expect(requestId).toMatch(/^[0-9a-f-]{36}$/)
      expect(lines).toMatchObject([{ request_id: requestId }])
    },
  )

  it.each(['a', 'x'.repeat(64), 'abc123/def456', '00-4bf92f35.77_B'])(
    'keeps the id that the caller gives: %s',
    (given) => {
      expect(observe({ code: 'OK' }, given).requestId).toBe(given)
    },
  )
})
