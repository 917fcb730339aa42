import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import type { WebSocketConstructor } from '../../client/watch.js'
import { type After, startTimer } from '../../net/timers.js'

/** Servers send a ping every 30 seconds. After two missed pings the server is dead or hangs. */
const SILENCE_MS = 75_000
/** A message has at most 4 Mi characters of at most three bytes each. `ws` would accept 100 MiB. */
const MAX_MESSAGE_BYTES = 12 * 1024 * 1024
const HANDSHAKE_TIMEOUT_MS = 10_000
/** The longest refusal that is shown, in characters. */
const MAX_REASON = 200

export interface WatchSocketOptions {
  /** CA certificates to trust, PEM. Default: Node's own. */
  readonly ca?: Buffer
  readonly after?: After
}

/** A WebSocket that gives up on a silent server, and reports why a server refused it. */
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
