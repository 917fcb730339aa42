import { status } from '@grpc/grpc-js'
import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { CallOutcome, IncomingCall } from '../core/calls.js'

/** The tracer of the SDK that is loaded now. Without one, spans do nothing, at almost no cost. */
const tracer = () => trace.getTracer('sessiond')

/** gRPC codes for faults of the server (semantic conventions for RPC, "Span status"). */
const SERVER_FAULTS = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
])

const headers = {
  get: (call: IncomingCall, name: string) => call.header(name),
  keys: () => [],
}

/** The span of a call, in its caller's trace. */
export interface CallSpan {
  /** Undefined if nothing is recorded. */
  readonly traceId: string | undefined
  run<T>(work: () => T): T
  end(outcome: CallOutcome): void
}

/** Attributes follow OpenTelemetry's semantic conventions for RPC. */
export function startCallSpan(call: IncomingCall, requestId: string): CallSpan {
  const parent = propagation.extract(ROOT_CONTEXT, call, headers)
  const span = tracer().startSpan(call.method, { kind: SpanKind.SERVER }, parent)
  if (!span.isRecording()) {
    return { traceId: undefined, run: (work) => work(), end: () => span.end() }
  }
  const slash = call.method.indexOf('/')
  span.setAttributes({
    'rpc.system': call.transport,
    'rpc.service': slash < 0 ? 'sessions' : call.method.slice(0, slash),
    'rpc.method': call.method.slice(slash + 1),
    'client.address': call.peer,
    'sessiond.request_id': requestId,
  })
  return {
    traceId: span.spanContext().traceId,
    run: (work) => context.with(trace.setSpan(parent, span), work),
    end(outcome) {
      setOutcome(span, call.transport, outcome)
      span.end()
    },
  }
}

/** Runs a part of a call in its own span. */
export function inSpan<T>(name: string, work: () => T): T {
  if (trace.getActiveSpan() === undefined) {
    return work()
  }
  const span = tracer().startSpan(name)
  try {
    return work()
  } finally {
    span.end()
  }
}

/** Opens a span that the returned function ends. */
export function openSpan(name: string): () => void {
  if (trace.getActiveSpan() === undefined) {
    return () => {}
  }
  const span = tracer().startSpan(name)
  return () => span.end()
}

function setOutcome(span: Span, transport: string, { code, error, isInternal }: CallOutcome): void {
  if (transport === 'grpc') {
    span.setAttribute('rpc.grpc.status_code', status[code as keyof typeof status])
  } else {
    span.setAttribute('http.response.status_code', Number(code))
  }
  // Recording the exception would send its message, which may hold a secret.
  if (error instanceof Error && !isInternal) {
    span.setAttribute('error.type', 'code' in error ? String(error.code) : error.name)
  }
  if (isInternal || SERVER_FAULTS.has(code) || code.startsWith('5')) {
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
}
