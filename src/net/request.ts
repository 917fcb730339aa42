import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** Serves requests by promises. One that rejects ends its own connection and is told, and stops nobody else. */
export function servedBy<More extends readonly unknown[]>(
  serve: (request: IncomingMessage, response: ServerResponse, ...more: More) => Promise<void>,
  onFailure: (error: unknown) => void,
): (request: IncomingMessage, response: ServerResponse, ...more: More) => void {
  return (request, response, ...more) => {
    serve(request, response, ...more).catch((error: unknown) => {
      response.destroy()
      onFailure(error)
    })
  }
}

/** Node drops headers beyond the first 1,000 without a word, a proxy's among them. Their bytes are bounded anyway. */
export function heedEveryHeader(server: Server): void {
  server.maxHeadersCount = 0
}
