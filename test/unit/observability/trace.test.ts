import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CallOutcome, IncomingCall } from '../../../src/core/calls.js'
import { MissingFieldError } from '../../../src/core/errors.js'
import { observeCalls } from '../../../src/observability/observe-calls.js'
import { inSpan, openSpan } from '../../../src/observability/trace.js'
import { keptLog } from '../../support/log.js'
import { startTelemetry } from '../../support/telemetry.js'

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN_ID = '00f067aa0ba902b7'

async function call(
  outcome: CallOutcome,
  { work = async () => {}, ...given }: Partial<IncomingCall> & { work?: () => Promise<void> } = {},
) {
  const { log, lines } = keptLog()
  const running = observeCalls(log).begin({
    transport: 'grpc',
    method: 'session.Session/Create',
    peer: '127.0.0.1:5',
    givenId: 'id-1',
    header: (name) => (name === 'traceparent' ? `00-${TRACE_ID}-${SPAN_ID}-01` : undefined),
    ...given,
  })
  await running.run(work)
  running.end(outcome)
  return lines()
}

it('without an SDK nothing is traced, and everything else goes on', async () => {
  expect(await call({ code: 'OK' })).toMatchObject([{ event: 'call' }])
  expect(inSpan('verify', () => 1)).toBe(1)
  openSpan('store commit')()
})

describe('with an SDK', () => {
  let telemetry: ReturnType<typeof startTelemetry>
  const spans = () => telemetry.exporter.getFinishedSpans()

  beforeAll(() => {
    telemetry = startTelemetry()
  })
  afterAll(() => telemetry.stop())
  beforeEach(() => telemetry.exporter.reset())

  it('a call is a span of the trace that its caller says', async () => {
    const lines = await call({ code: 'OK' })
    const [span] = spans()
    expect(span).toMatchObject({
      name: 'session.Session/Create',
      kind: SpanKind.SERVER,
      parentSpanContext: { traceId: TRACE_ID, spanId: SPAN_ID },
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'rpc.system': 'grpc',
        'rpc.service': 'session.Session',
        'rpc.method': 'Create',
        'rpc.grpc.status_code': 0,
        'client.address': '127.0.0.1:5',
        'sessiond.request_id': 'id-1',
      },
    })
    expect(span?.spanContext().traceId).toBe(TRACE_ID)
    expect(lines).toMatchObject([{ trace_id: TRACE_ID }])
  })

  it('an act begins a trace of its own', async () => {
    const act = { transport: 'seneca', method: 'open_session', header: () => undefined }
    await call({ code: '200' }, act)
    await call({ code: '500', error: new Error('planted'), isInternal: true }, act)
    expect(spans()).toMatchObject([
      {
        name: 'open_session',
        parentSpanContext: undefined,
        attributes: {
          'rpc.system': 'seneca',
          'rpc.service': 'sessions',
          'rpc.method': 'open_session',
        },
      },
      { status: { code: SpanStatusCode.ERROR } },
    ])
  })

  it.each<[string, CallOutcome, object]>([
    [
      'a refusal is no fault of the server',
      { code: 'INVALID_ARGUMENT', error: new MissingFieldError('body') },
      { status: { code: SpanStatusCode.UNSET }, attributes: { 'error.type': 'MISSING_FIELD' } },
    ],
    [
      'an internal error is one, and says no more',
      { code: 'INTERNAL', error: new Error('planted'), isInternal: true },
      {
        status: { code: SpanStatusCode.ERROR },
        attributes: { 'rpc.grpc.status_code': 13 },
        events: [],
      },
    ],
  ])('%s', async (_, outcome, expected) => {
    await call(outcome)
    expect(spans()).toMatchObject([expected])
    expect(JSON.stringify(spans()[0]?.attributes)).not.toContain('planted')
  })

  it('parts of a call have spans within its own', async () => {
    await call(
      { code: 'OK' },
      {
        async work() {
          inSpan('verify', () => {})
          await Promise.resolve()
          openSpan('store commit')()
        },
      },
    )
    const [verify, commit, whole] = spans()
    expect([verify?.name, commit?.name]).toEqual(['verify', 'store commit'])
    const { spanId } = whole?.spanContext() ?? {}
    expect([verify, commit]).toMatchObject(Array(2).fill({ parentSpanContext: { spanId } }))
  })

  it('work outside of any call has none', () => {
    inSpan('verify', () => {})
    openSpan('store commit')()
    expect(spans()).toEqual([])
  })
})
