import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import type { WebSocketConstructor } from '../client/watch.js'
import type { After } from '../net/background-timers.js'
import { startTimer } from '../net/timers.js'

/** Servers send a ping every 30 seconds: one that let two of them pass is gone, or hangs. */
const SILENCE_MS = 75_000
/** A message has 4 Mi characters at most, each of three bytes at most. `ws` would take 100 MiB. */
const MAX_MESSAGE_BYTES = 12 * 1024 * 1024
const HANDSHAKE_TIMEOUT_MS = 10_000
/** Of what a server says of its refusal, in characters. */
const MAX_REASON = 200

export interface WatchSocketOptions {
  /** Authorities to trust, PEM (default: those that Node knows). */
  readonly ca?: Buffer
  readonly after?: After
}

/** A WebSocket that does not wait for a silent server, and tells why one refused it. */
export function watchSocket(options: WatchSocketOptions = {}): WebSocketConstructor {
  const { ca, after = startTimer } = options
  return class extends WebSocket {
    constructor(url: string) {
      super(url, {
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        maxPayload: MAX_MESSAGE_BYTES,
        ...(ca && { ca }),
      })
      let stopWaiting = () => {}
      const wait = () => {
        stopWaiting()
        stopWaiting = after(SILENCE_MS, () => this.fail('the server is silent'))
      }
      for (const event of ['open', 'message', 'ping']) {
        this.on(event, wait)
      }
      this.on('close', () => stopWaiting())
      this.on('unexpected-response', async (_request, response: IncomingMessage) => {
        const [reason = ''] = await response
          .take(1)
          .toArray()
          .catch(() => [])
        const told = String(reason).slice(0, MAX_REASON).trim()
        this.fail(`the server refuses (${response.statusCode}): ${told}`)
      })
    }

    private fail(reason: string): void {
      this.emit('error', new Error(reason))
      this.terminate()
    }
  }
}
