import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mendHeaders } from '../../../../src/grpc/transport/headers.js'
import { createService, startTestGrpc } from '../../../support/grpc.js'

describe('headers that are not printable', () => {
  const mended = (headers: IncomingHttpHeaders) => {
    mendHeaders(headers, Object.entries(headers).flat() as string[])
    return headers
  }

  it('keep their names, and lose what grpc-js would drop them for', () => {
    expect(mended({ 'x-a': 'r\xe9sum\xe9', 'x-b': 'a\tb', 'x-c': 'plain' })).toEqual({
      'x-a': 'r?sum?',
      'x-b': 'a?b',
      'x-c': 'plain',
    })
  })

  it('stay as they are where they say which call this is', () => {
    const headers = { ':path': '/a/\xe9', ':authority': 'h\xe9', ':method': 'POST' }
    expect(mended({ ...headers })).toEqual(headers)
  })
})

/** A server whose Create does what it is asked, which is to remember it. */
async function serve() {
  const done: string[] = []
  const create = async (request: Buffer) => {
    done.push(request.toString())
    return request
  }
  const server = await startTestGrpc(createService(create))
  const session = connect(`http://${server.address}`)
  onTestFinished(async () => {
    session.destroy()
    await server.close(0)
  })
  await once(session, 'connect')
  return { session, done }
}

/** Opens a call and sends its message, but not its end. */
function begin(session: ClientHttp2Session, timeout: string, text: string): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/session.Session/Create',
    'content-type': 'application/grpc',
    'grpc-timeout': timeout,
    te: 'trailers',
  })
  const message = Buffer.concat([Buffer.alloc(5), Buffer.from(text)])
  message.writeUInt32BE(text.length, 1)
  stream.write(message)
  return stream.resume()
}

/** The status of a call, whether it came with an answer or without. */
async function statusOf(stream: ClientHttp2Stream): Promise<string> {
  let status: unknown
  const see = (headers: object) => {
    status = (headers as Record<string, unknown>)['grpc-status'] ?? status
  }
  stream.on('response', see).on('trailers', see)
  await once(stream, 'close')
  return `${status}`
}

/** Waits as long as the server does until a call of a short deadline is over. */
async function passDeadline(session: ClientHttp2Session): Promise<ClientHttp2Stream> {
  const call = begin(session, '20m', 'late')
  const [headers] = await once(call, 'response')
  expect(headers['grpc-status']).toBe('4')
  return call
}

describe('a deadline', () => {
  it.each([
    ['25 days', '600H'],
    ['49.7 days, of which 32 bits keep nothing', '4294967296m'],
    ['60 days', '86400M'],
    ['60 days in seconds', '5184000S'],
    ['the furthest that can be said', '99999999H'],
    ['further than can be said', '9999999999999H'],
  ])('of %s is none', async (_, timeout) => {
    const { session, done } = await serve()
    const call = begin(session, timeout, 'far')
    await passDeadline(session)
    call.end()
    expect(await statusOf(call)).toBe('0')
    expect(done).toEqual(['far'])
  })

  it.each(['24H', '99999999m', '2147483S'])('of %s is one, and leaves time', async (timeout) => {
    const { session, done } = await serve()
    const call = begin(session, timeout, 'near')
    await passDeadline(session)
    call.end()
    expect(await statusOf(call)).toBe('0')
    expect(done).toEqual(['near'])
  })

  it('that passes before the end of a request leaves nothing done', async () => {
    const { session, done } = await serve()
    const call = await passDeadline(session)
    call.end()
    // What comes back of a ping was behind the end of the request on its way there.
    await new Promise<void>((resolve) => session.ping(() => resolve()))
    const next = begin(session, '1H', 'next')
    next.end()
    expect(await statusOf(next)).toBe('0')
    expect(done).toEqual(['next'])
  })
})
