import { Server, ServerCredentials, type ServerWritableStream, type status } from '@grpc/grpc-js'
import { hex } from '@scure/base'
import type { Signer } from '../../src/crypto/ed25519.js'
import { requestDigest } from '../../src/envelope/digest.js'
import { readTokensRequest, watchMethod } from '../../src/envelope/tokens.js'
import { WatchStream } from './watch-stream.js'

/** A stream that a client has begun. */
export interface BegunStream {
  /** The cursor of its request. */
  readonly cursor: Uint8Array
  /** What a server would say next. */
  readonly says: WatchStream
  send(message: Uint8Array): void
  end(): void
  fail(code: status): void
  /** Resolves when the client has gone. */
  readonly gone: Promise<void>
}

export interface WatchServer {
  readonly address: string
  /** The next stream that a client begins. */
  next(): Promise<BegunStream>
}

/** A server of Watch that says what a test says. */
export async function startWatchServer(
  identity: Signer,
  atEnd: (close: () => void) => void,
): Promise<WatchServer> {
  const begun: BegunStream[] = []
  const waiting: ((stream: BegunStream) => void)[] = []
  const asTheyAre = (bytes: Buffer) => bytes
  const Watch = (call: ServerWritableStream<Buffer, Buffer>) => {
    const { message, body } = readTokensRequest(call.request, watchMethod)
    const stream: BegunStream = {
      cursor: body.cursor,
      says: new WatchStream(hex.decode(requestDigest(message)), identity),
      send: (bytes) => call.write(Buffer.from(bytes)),
      end: () => call.end(),
      fail: (code) => call.emit('error', { code, details: 'as the test says' }),
      gone: new Promise((resolve) => call.once('cancelled', () => resolve())),
    }
    const taker = waiting.shift()
    if (taker === undefined) {
      begun.push(stream)
    } else {
      taker(stream)
    }
  }
  const server = new Server()
  server.addService(
    {
      Watch: {
        ...{ path: '/sessiond.v1.Tokens/Watch', requestStream: false, responseStream: true },
        ...{ requestSerialize: asTheyAre, requestDeserialize: asTheyAre },
        ...{ responseSerialize: asTheyAre, responseDeserialize: asTheyAre },
      },
    },
    { Watch },
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  atEnd(() => server.forceShutdown())
  return {
    address: `127.0.0.1:${port}`,
    next: () =>
      new Promise((resolve) => {
        const stream = begun.shift()
        if (stream === undefined) {
          waiting.push(resolve)
        } else {
          resolve(stream)
        }
      }),
  }
}
