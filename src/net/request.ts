import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isLoopback } from './loopback.js'

const HOST = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d{1,5})?$/
const JSON_TYPE = /^application\/json\s*(?:;|$)/i

/**
 * Serves requests with an async function. If it rejects, the connection of that request ends and `onFailure` gets the
 * error; other requests go on.
 */
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

/**
 * Keeps every header. By default Node silently drops those after the first 1,000, and a proxy's could be among them.
 * Node limits the bytes of all headers anyway.
 */
export function heedEveryHeader(server: Server): void {
  server.maxHeadersCount = 0
}

/** The name or address in the Host header, in lower case, without brackets or port; empty where there is none. */
export function hostOf({ headers }: IncomingMessage): string {
  const [, address, name] = HOST.exec(headers.host ?? '') ?? []
  return (address ?? name ?? '').toLowerCase()
}

/**
 * Whether the Host header names this machine. Under DNS rebinding a web page's request reaches loopback, but its
 * Host header still names the page's own site.
 */
export function namesThisMachine(request: IncomingMessage): boolean {
  return isLoopback(hostOf(request))
}

/** Whether the body is declared to be JSON. A form on a web page cannot declare that. */
export function hasJsonType({ headers }: IncomingMessage): boolean {
  return JSON_TYPE.test(headers['content-type'] ?? '')
}

/**
 * Reads a request's body; null if it has more than `maxBytes`, which also ends the connection unless the Content-Length
 * said so. `hold` is awaited before a part of the body is kept. Throws `request.errored` if the peer disconnects.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  hold: (bytes: number) => Promise<void> | void = () => {},
): Promise<Buffer | null> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    return null
  }
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > maxBytes) {
      return null
    }
    await hold(part.length)
    parts.push(part)
  }
  return Buffer.concat(parts, length)
}
