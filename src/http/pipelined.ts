import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** Requests that may wait on a connection before no more are read from it. */
const MAX_WAITING = 32

interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** When it came, as `performance.now` has it. */
  readonly askedAtMs: number
}

/**
 * Answers the requests of a connection one after the other, each in a turn of the event loop of its own:
 * thousands that were sent ahead must not keep everyone else waiting.
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
      // Node takes apart all that it has read, and its `parserOnMessageComplete` resumes the socket in the next tick.
      // So this comes behind that, and before the next read.
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
