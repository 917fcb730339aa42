import { constants, type ServerHttp2Session } from 'node:http2'
import {
  type Server,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js'
import { http2ServerOf, notIntercepted, sessionsOf } from './grpc-js.js'

/** The highest stream id: streams that a peer opens before it reads the GOAWAY are still served. */
const LAST_STREAM_ID = 2 ** 31 - 1
/** That frame (RFC 9113 section 6.8): 8 bytes, GOAWAY, no flags, stream 0; the id, NO_ERROR. */
const GOAWAY = Buffer.from('000008070000000000' + '7fffffff' + '00000000', 'hex')
/** How long the server waits for the peer's PING answer, which shows that it has read the GOAWAY. */
const HEARD_TIMEOUT_MS = 1_000

/**
 * Lets the running calls finish for `graceMs`, then cuts the rest. The listener must accept no more connections. Returns
 * how many connections still had calls. A second call with a shorter grace cuts sooner.
 *
 * Each connection ends in the two steps of RFC 9113 section 6.8, so that no call is lost that the client has sent and
 * the server has not read yet. `tryShutdown` and `drain` of grpc-js take the second step at once.
 */
export async function shutDown(server: Server, graceMs: number): Promise<number> {
  // For connections that are still in their handshake.
  http2ServerOf(server).on('session', (session) => session.close())
  let cutTimer: NodeJS.Timeout | undefined
  const cut = new Promise<number>((resolve) => {
    cutTimer = setTimeout(() => {
      const busy = sessionsOf(server).filter((session) => !session.destroyed)
      for (const session of busy) {
        session.destroy(undefined, constants.NGHTTP2_CANCEL)
      }
      resolve(busy.length)
    }, graceMs)
  })
  const finished = Promise.all(sessionsOf(server).map(endConnection)).then(() => 0)
  try {
    return await Promise.race([finished, cut])
  } finally {
    clearTimeout(cutTimer)
  }
}

/** Ends a connection once all calls from its client are answered. Resolves when it is closed. */
async function endConnection(session: ServerHttp2Session): Promise<void> {
  // `once` of node:events would reject on an error, which comes before the close.
  const closed = new Promise<void>((resolve) => session.once('close', resolve))
  // A second GOAWAY must not have a higher id than the first.
  if (!session.closed) {
    await Promise.race([sayEnd(session), closed])
  }
  session.close()
  await closed
}

/** Sends the first GOAWAY, and waits until the peer has read it and so opens no more streams. */
function sayEnd(session: ServerHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, HEARD_TIMEOUT_MS)
    const heard = () => {
      clearTimeout(timer)
      resolve()
    }
    try {
      if (session.encrypted) {
        // Under TLS only the session may write to its socket. A call that crosses this GOAWAY on a connection without
        // other calls is refused, and safe to retry.
        session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM_ID)
      } else {
        // A session that has sent a GOAWAY itself stops reading while it has no call, and would miss calls in transit. So
        // this goes to the socket beside the session: each frame is one write, so it falls between two.
        session.socket._write(GOAWAY, 'buffer' as BufferEncoding, () => {})
      }
      session.ping(heard)
    } catch {
      heard() // It is ending already.
    }
  })
}

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

type Call = Parameters<ServerInterceptor>[1]

/** The calls that answer with a stream. Some of them never end by themselves. */
export class OpenStreams {
  private readonly open = new Set<Call>()
  private isStopping = false

  readonly interceptor: ServerInterceptor = (method, call) => {
    if (!method.responseStream) {
      return notIntercepted(call)
    }
    const listener = new ServerListenerBuilder().withOnCancel(() => this.open.delete(call)).build()
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next(listener)
        if (this.isStopping) {
          end(call)
        } else {
          this.open.add(call)
        }
      },
    })
  }

  /** Ends the open ones, and those that open from now on. */
  stop(): void {
    this.isStopping = true
    for (const call of this.open) {
      end(call)
    }
  }
}

function end(call: Call): void {
  call.sendStatus({ code: status.UNAVAILABLE, details: 'the server is stopping', metadata: null })
}
