import { randomInt } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { checkViewer, type FeedAccess, pathOf, queryOf, type Refusal } from '../http/access.js'
import { insideOf, refuse } from '../http/answer.js'
import { LIST_PATH } from '../http/viewing.js'
import type { FeedHub } from './hub.js'
import { type FeedUsage, usageOf } from './usage.js'
import { Viewer, type ViewerLimits } from './viewer.js'

/** A client sends nothing longer than `connect`. */
const MAX_MESSAGE_BYTES = 4096
const MAX_INT32 = 2 ** 31 - 1

/** The current viewers, and counts since the server started. */
export interface FeedReport extends FeedUsage {
  readonly malformed: number
  /** Connections that the server ended, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  readonly refused: number
}

export interface ViewersOptions {
  readonly access: FeedAccess
  /** The path before that of the list (default: none). */
  readonly prefix?: string
  /** The version that clients are told to have, in `reset`. */
  readonly expectedVersion: string
  readonly limits: ViewerLimits & { readonly maxViewers: number }
  /** How long a peer may take to close a connection that the server ends. */
  readonly closeTimeoutMs: number
}

/** Everyone who is connected to the session list. */
export class Viewers {
  private readonly viewers = new Set<Viewer>()
  private readonly counts = { malformed: 0, refused: 0, dropped: {} as Record<string, number> }
  /** Starts at random, so that a client does not get its former id after a restart of the server. */
  private lastConnectionId = randomInt(MAX_INT32)
  private readonly sockets: WebSocketServer

  constructor(
    private readonly hub: FeedHub,
    private readonly options: ViewersOptions,
  ) {
    this.sockets = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      clientTracking: false,
      closeTimeout: options.closeTimeoutMs,
    } as ConstructorParameters<typeof WebSocketServer>[0])
  }

  /** Answers an upgrade. A peer that may watch becomes a viewer. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {}) // 'close' follows.
    const refusal = this.refusal(request)
    if (refusal !== null) {
      this.counts.refused++
      refuse(socket, refusal.status, refusal.reason)
      return
    }
    this.sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const { expectedVersion, limits } = this.options
      const { dropped } = this.counts
      this.lastConnectionId = (this.lastConnectionId % MAX_INT32) + 1
      const viewer = new Viewer(webSocket, socket, this.hub, {
        connectionId: this.lastConnectionId,
        dialect: queryOf(request).get('dialect') === 'printed' ? 'printed' : 'commands',
        expectedVersion,
        limits,
        onMalformed: () => this.counts.malformed++,
        onDropped: (reason) => {
          dropped[reason] = (dropped[reason] ?? 0) + 1
        },
      })
      this.viewers.add(viewer)
      webSocket.on('close', () => this.viewers.delete(viewer))
    })
  }

  report(): FeedReport {
    const clients = Array.from(this.viewers, ({ client }) => client)
    const usage = usageOf(clients, this.options.expectedVersion)
    return { ...usage, ...this.counts, dropped: { ...this.counts.dropped } }
  }

  /** Pings every viewer, and drops those that did not answer the last ping. Call it at intervals. */
  checkAlive(): void {
    for (const viewer of this.viewers) {
      viewer.checkAlive()
    }
  }

  /** Ends every connection because the server stops. */
  close(): void {
    for (const viewer of this.viewers) {
      viewer.close()
    }
  }

  private refusal(request: IncomingMessage): Refusal | null {
    const { prefix = '' } = this.options
    if (insideOf(pathOf(request), this.options) !== LIST_PATH) {
      return { status: 404, reason: `only ${prefix}${LIST_PATH} accepts an upgrade` }
    }
    const refusal = checkViewer(request, this.options.access)
    if (refusal === null && this.viewers.size >= this.options.limits.maxViewers) {
      return { status: 503, reason: 'the limit of viewers is reached' }
    }
    return refusal
  }
}
