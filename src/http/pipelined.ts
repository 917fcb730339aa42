import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** With so many requests waiting, a connection is not read any further. */
const MAX_WAITING = 32

interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** When it arrived, on the clock of `performance.now`. */
  readonly askedAtMs: number
}

/**
 * Answers the requests of a connection one after the other, each in its own turn of the event loop, so that thousands
 * of pipelined requests do not delay everyone else.
 */
export function oneByOne(answer: (asked: Asked) => void): RequestListener {
  const connections = new WeakMap<IncomingMessage['socket'], Asked[]>()
  return (request, response) => {
    const { socket } = request
    const asked = { request, response, askedAtMs: performance.now() }
    const waiting = connections.get(socket)
    if (waiting === undefined) {
      connections.set(socket, [])
      run(asked)
      return
    }
    waiting.push(asked)
    if (waiting.length === MAX_WAITING) {
      // Node parses all that it has read, and its `parserOnMessageComplete` resumes the socket in the next tick.
      // This runs after that and before the next read.
      process.nextTick(() => queueMicrotask(() => socket.pause()))
    }
  }

  function run(asked: Asked): void {
    const { socket } = asked.request
    asked.response.once('close', () => setImmediate(() => runNext(socket)))
    answer(asked)
  }

  function runNext(socket: IncomingMessage['socket']): void {
    const waiting = connections.get(socket) ?? []
    const next = socket.destroyed ? undefined : waiting.shift()
    if (waiting.length < MAX_WAITING && socket.isPaused()) {
      socket.resume()
    }
    if (next === undefined) {
      connections.delete(socket)
    } else {
      run(next)
    }
  }
}
