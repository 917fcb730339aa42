import type { ServerHttp2Session } from 'node:http2'

/**
 * Lets a session close between two reads, never within one. Node closes it when the peer's GOAWAY comes,
 * and refuses a stream that the peer opens behind that at once, while the bytes of both are still being
 * read: the stream is freed under the reader (nodejs/node#64113, not repaired in Node 20), by which any
 * peer could end the process. So such a stream is served, as RFC 9113 section 6.8 has it.
 */
export function deferClose(session: ServerHttp2Session): void {
  const close = session.close.bind(session)
  session.close = (callback) => {
    setImmediate(() => close(callback))
  }
}
