import { createServer, request } from 'node:http'
import {
  connect as connectHttp2,
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo, Server } from 'node:net'

type Headers = Readonly<Record<string, string>>

/** A proxy that passes HTTP/1.1 and upgrades on to a server, with these headers added. Returns its `HOST:PORT`. */
export async function startHttpProxy(
  target: string,
  added: Headers,
  atEnd: (close: () => void) => void,
): Promise<string> {
  const { hostname: host, port } = new URL(target)
  const proxy = createServer((incoming, response) => {
    const { method, url: path, headers } = incoming
    const options = { host, port, method, path, agent: false }
    const onward = request({ ...options, headers: { ...headers, ...added } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    incoming.pipe(onward)
  })
  proxy.on('upgrade', ({ url: path, headers }, socket) => {
    const onward = request({ host, port, path, agent: false, headers: { ...headers, ...added } })
    const answer = (status: number | undefined, message: string | undefined, raw: string[]) => {
      const lines = raw.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`))
      socket.write(`HTTP/1.1 ${status} ${message}\r\n${lines.join('')}\r\n`)
    }
    onward.on('upgrade', ({ statusCode, statusMessage, rawHeaders }, upgraded) => {
      answer(statusCode, statusMessage, rawHeaders)
      upgraded.pipe(socket).pipe(upgraded)
    })
    onward.on('response', (refused) => {
      answer(refused.statusCode, refused.statusMessage, refused.rawHeaders)
      refused.pipe(socket)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
    onward.end()
  })
  return listening(proxy, atEnd)
}

/** The same for gRPC: HTTP/2 without TLS, trailers and all. */
export async function startGrpcProxy(
  target: string,
  added: Headers,
  atEnd: (close: () => void) => void,
): Promise<string> {
  const onward = connectHttp2(`http://${target}`)
  const proxy = createHttp2Server()
  proxy.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const call = onward.request({ ...headers, ...added })
    let trailers: IncomingHttpHeaders = {}
    call.on('response', (answer, flags) => {
      // A refusal has no more than headers.
      const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
      stream.respond({ ...answer }, { endStream, waitForTrailers: !endStream })
      call.pipe(stream)
    })
    call.on('trailers', (received) => {
      trailers = received
    })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    stream.on('error', () => call.destroy())
    call.on('error', () => stream.destroy())
    stream.pipe(call)
  })
  const sessions = new Set<{ destroy(): void }>([onward])
  proxy.on('session', (session) => sessions.add(session))
  return listening(proxy, (close) =>
    atEnd(() => {
      for (const session of sessions) {
        session.destroy()
      }
      close()
    }),
  )
}

async function listening(
  server: Server | Http2Server,
  atEnd: (close: () => void) => void,
): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(() => void server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}
