import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** Serves requests by promises. One that rejects ends its own connection and is told, and stops nobody else. */
export function servedBy(
  serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  onFailure: (error: unknown) => void,
): RequestListener {
  return (request, response) => {
    serve(request, response).catch((error: unknown) => {
      response.destroy()
      onFailure(error)
    })
  }
}
