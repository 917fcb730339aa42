import { once } from 'node:events'
import { type ClientHttp2Stream, type ClientSessionOptions, connect, constants } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { Duplex } from 'node:stream'
import { status } from '@grpc/grpc-js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { OpenStreams } from '../../../../src/grpc/transport/shutdown.js'
import { createService, startTestGrpc } from '../../../support/grpc.js'
import { watchHealth } from '../../../support/health.js'
import { callHeaders, Flag, Frame, frame, HELLO } from '../../../support/http2-frames.mjs'

/** A server whose Create is `handle`, without an answer unless told otherwise. */
async function serve(handle: () => Promise<Buffer> = () => new Promise(() => {})) {
  const server = await startTestGrpc(createService(handle))
  onTestFinished(async () => void (await server.close(0)))
  return server
}

const GOAWAY = Buffer.from('0000080700000000007fffffff00000000', 'hex')

/** A connection whose client hears nothing until it is told to listen. */
function deafConnection(address: string) {
  const socket = connectSocket(Number(address.split(':')[1]), '127.0.0.1')
  let isDeaf = false
  let held = Buffer.alloc(0)
  const connection = new Duplex({
    read() {},
    write: (chunk, _, done) => void socket.write(chunk, () => done()),
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy()
      done(error)
    },
  })
  socket.on('error', () => {})
  socket.on('end', () => connection.push(null))
  const isTold = new Promise<void>((resolve) =>
    socket.on('data', (chunk) => {
      if (!isDeaf) {
        connection.push(chunk)
        return
      }
      held = Buffer.concat([held, chunk])
      if (held.includes(GOAWAY)) {
        resolve()
      }
    }),
  )
  return {
    connection,
    /** The server has said that it ends. */
    isTold,
    becomeDeaf: () => {
      isDeaf = true
    },
    listen() {
      isDeaf = false
      connection.push(held)
    },
  }
}

const CREATE = {
  ':method': 'POST',
  ':path': '/session.Session/Create',
  'content-type': 'application/grpc',
  te: 'trailers',
}

describe('a gRPC server that closes', () => {
  it('serves what a client sends before it hears of that', async () => {
    let onCall = () => {}
    const isCalled = new Promise<void>((resolve) => {
      onCall = resolve
    })
    const server = await serve(async () => {
      onCall()
      return Buffer.from('answer')
    })
    const { connection, isTold, becomeDeaf, listen } = deafConnection(server.address)
    const session = connect(`http://${server.address}`, { createConnection: () => connection })
    await once(session, 'remoteSettings')
    becomeDeaf()
    const closed = server.close(60_000)
    await isTold
    const stream = session.request(CREATE)
    stream.resume()
    stream.end(Buffer.alloc(5))
    await isCalled
    listen()
    const [trailers] = await once(stream, 'trailers')
    expect(trailers['grpc-status']).toBe('0')
    expect(await closed).toBe(0)
  })

  it('ends streams with a reason', async () => {
    const server = await serve()
    const health = watchHealth(server.address)
    await health.watched
    expect(await server.close(60_000)).toBe(0)
    expect(await health.ended).toEqual({ code: 'UNAVAILABLE', details: 'the server is stopping' })
  })

  it.each<[string, string, ClientSessionOptions, (stream: ClientHttp2Stream) => void]>([
    [
      'never ends its request',
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      {},
      (stream) => void stream.write(Buffer.from([0, 0, 0, 0, 4, 0x61])),
    ],
    [
      'takes no answer',
      '/grpc.health.v1.Health/Watch',
      { settings: { initialWindowSize: 0 } },
      (stream) => void stream.end(Buffer.alloc(5)),
    ],
  ])('is not held up by a stream whose client %s', async (_, path, options, send) => {
    const server = await serve()
    const session = connect(`http://${server.address}`, options)
    await once(session, 'remoteSettings')
    const stream = session.request({ ...CREATE, ':path': path })
    const cut = once(stream, 'close').catch((error) => error)
    send(stream)
    // What comes back of a ping was behind the request on its way there.
    await new Promise((resolve) => session.ping(resolve))
    expect(await server.close(60_000)).toBe(0)
    await cut
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL)
  })

  it('cuts sooner where it is told to anew, and says how many callers that met', async () => {
    const begun = { call: () => {} }
    const isBegun = new Promise<void>((resolve) => {
      begun.call = resolve
    })
    const server = await serve(() => {
      begun.call()
      return new Promise(() => {})
    })
    const session = connect(`http://${server.address}`)
    const stream = session.request(CREATE)
    stream.on('error', () => {})
    stream.end(Buffer.alloc(5))
    await isBegun
    const errors: unknown[] = []
    session.on('error', (error) => errors.push(error))
    const ended = new Promise<void>((resolve) => session.on('close', resolve))
    const closed = server.close(60_000)
    await once(session, 'goaway')
    await once(session, 'goaway')
    expect(await server.close(0)).toBe(1)
    await closed
    await ended
    expect(errors).toEqual([])
  })

  it('waits for nobody where nobody asks anything', async () => {
    const server = await serve()
    const session = connect(`http://${server.address}`)
    await once(session, 'remoteSettings')
    expect(await server.close(60_000)).toBe(0)
  })
})

/** A call that has begun under the interceptor: what it was told, and how its client cancels it. */
function begin(streams: OpenStreams, responseStream: boolean) {
  const told: unknown[] = []
  let cancel = () => {}
  const call = {
    start(listener: { onCancel(): void }) {
      cancel = () => listener.onCancel()
    },
    sendStatus: ({ code }: { code: status }) => told.push(code),
  }
  const listener = { onCancel() {} }
  streams.interceptor({ responseStream } as never, call as never).start(listener as never)
  return { told, cancel: () => cancel() }
}

it('ends the streams that are open, and those that come later, and nothing else', () => {
  const streams = new OpenStreams()
  const [open, cancelled, unary] = [true, true, false].map((isStream) => begin(streams, isStream))
  cancelled?.cancel()
  expect(open?.told).toEqual([])
  streams.stop()
  const late = begin(streams, true)
  const told = [open, cancelled, unary, late].map((call) => call?.told)
  expect(told).toEqual([[status.UNAVAILABLE], [], [], [status.UNAVAILABLE]])
})

/** Types of the frames of a stream, as they come. */
async function* framesOf(socket: AsyncIterable<Buffer>, stream: number): AsyncGenerator<number> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      if (bytes.readUInt32BE(5) === stream) {
        yield bytes[3] as number
      }
      bytes = bytes.subarray(9 + bytes.readUIntBE(0, 3))
    }
  }
}

// Refusing it would free it while Node still reads it (nodejs/node#64113).
it('serves a call that comes in one read with the GOAWAY before it', async () => {
  const server = await startTestGrpc(createService(() => Buffer.from('answer')))
  onTestFinished(async () => void (await server.close(0)))
  const socket = connectSocket(Number(server.address.split(':')[1]), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.write(
    Buffer.concat([
      HELLO,
      frame(Frame.GOAWAY, 0, 0, Buffer.alloc(8)),
      frame(Frame.HEADERS, Flag.END_HEADERS, 1, callHeaders('/session.Session/Create')),
      frame(Frame.DATA, Flag.END_STREAM, 1, Buffer.alloc(5)),
    ]),
  )
  const seen: number[] = []
  for await (const type of framesOf(socket, 1)) {
    seen.push(type)
  }
  expect(seen).toEqual([Frame.HEADERS, Frame.DATA, Frame.HEADERS])
})
