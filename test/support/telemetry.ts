import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  type ContextManager,
  context,
  propagation,
  ROOT_CONTEXT,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'

/** What an SDK for Node brings: the context follows asynchronous work. */
function contextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>()
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, thisArg, ...args) =>
      storage.run(active, () => fn.call(thisArg as never, ...args)),
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  }
  return manager
}

/** W3C Trace Context, as far as a test needs it. */
const propagator: TextMapPropagator = {
  fields: () => ['traceparent'],
  inject() {},
  extract(from, carrier, getter) {
    const [, traceId = '', spanId = '', flags] =
      /^00-([0-9a-f]{32})-([0-9a-f]{16})-(\d\d)$/.exec(
        String(getter.get(carrier, 'traceparent')),
      ) ?? []
    return flags === undefined
      ? from
      : trace.setSpanContext(from, { traceId, spanId, traceFlags: Number(flags), isRemote: true })
  },
}

/** Loads an SDK into this process, whose spans are kept. */
export function startTelemetry() {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  context.setGlobalContextManager(contextManager())
  propagation.setGlobalPropagator(propagator)
  trace.setGlobalTracerProvider(provider)
  return {
    exporter,
    async stop() {
      trace.disable()
      propagation.disable()
      context.disable()
      await provider.shutdown()
    },
  }
}
