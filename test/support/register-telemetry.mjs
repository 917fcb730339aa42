import { trace } from '@opentelemetry/api'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'

/* For `node --import`: an SDK whose spans go to standard error, one JSON line each. */

const exporter = {
  export(spans, done) {
    for (const { name, attributes, status } of spans) {
      process.stderr.write(`${JSON.stringify({ name, attributes, status })}\n`)
    }
    done({ code: 0 })
  },
  async shutdown() {},
}
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
)
