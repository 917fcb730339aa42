import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Tls } from '../credentials/tls.js'
import { heedEveryHeader } from '../net/request.js'

/** An HTTP server, or with TLS one that speaks HTTPS only. */
export function createHttpServer(
  tls: Tls | null,
  options: ServerOptions,
  answer: RequestListener,
): Server {
  const server = tls === null ? createServer(options, answer) : secureServer(tls, options, answer)
  heedEveryHeader(server)
  return server
}

function secureServer(tls: Tls, options: ServerOptions, answer: RequestListener): Server {
  const server = createSecureServer(
    {
      ...options,
      ...tls.asking,
      ...tls.current(),
      ...(options.headersTimeout && { handshakeTimeout: options.headersTimeout }),
    },
    answer,
  )
  tls.onChange((context) => server.setSecureContext(context))
  return server
}
