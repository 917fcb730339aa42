import type { Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Follower } from './follower.js'
import type { FeedHub } from './hub.js'
import { Batch, Message } from './message.js'
import { type Connect, type Dialect, FeedProtocolError, type Notice } from './protocol/messages.js'
import { decodeConnect } from './protocol/read.js'

/** The limits of one connection. */
export interface ViewerLimits {
  /** Nothing is written while the socket holds so many unsent bytes. More than its own high-water mark. */
  readonly highWaterBytes: number
  /** A viewer with more unsent bytes, in the socket and waiting, is dropped. */
  readonly maxUnsentBytes: number
  /** A viewer that sends more malformed messages is dropped. */
  readonly maxMalformed: number
}

export const VIEWER_LIMITS: ViewerLimits = {
  highWaterBytes: 256 * 1024,
  maxUnsentBytes: 1024 * 1024,
  maxMalformed: 8,
}

/** Close codes of RFC 6455 section 7.4.1, and of its registry. */
const GOING_AWAY = 1001
const POLICY_VIOLATION = 1008
const TRY_AGAIN_LATER = 1013

export interface ViewerOptions {
  /** An i32. */
  readonly connectionId: number
  readonly dialect: Dialect
  readonly expectedVersion: string
  readonly limits: ViewerLimits
  readonly onMalformed: () => void
  /** Called with the reason if the server ends the connection. */
  readonly onDropped: (reason: string) => void
}

/** The stream below a WebSocket. */
export type Transport = Pick<Writable, 'write' | 'cork' | 'uncork' | 'once'>

/**
 * One connection. It gets the list, then the changes. Its frames bypass `ws`, which would make two buffers of each:
 * one write carries everything, in bytes that were laid out for all viewers.
 */
export class Viewer {
  /** The client's last `connect`; null before the first. */
  client: Connect | null = null
  private readonly follower: Follower
  private malformed = 0
  private isAlive = true
  private isLeaving = false
  private isFull = false

  /** `transport` is the stream that `socket` writes to. */
  constructor(
    private readonly socket: WebSocket,
    private readonly transport: Transport,
    private readonly hub: FeedHub,
    private readonly options: ViewerOptions,
  ) {
    socket.on('message', (data, isBinary) => this.receive(isBinary ? null : String(data)))
    socket.on('pong', () => {
      this.isAlive = true
    })
    socket.on('close', () => this.leave())
    // A malformed or overlong frame: 'close' follows.
    socket.on('error', () => options.onMalformed())
    const { expectedVersion } = options
    this.tell({ command: 'reset', expectedVersion })
    this.follower = hub.follow(() => this.hear())
    hub.wake(this)
  }

  /** Pings the viewer, or drops it if it did not answer the last ping. Call it at intervals. */
  checkAlive(): void {
    if (!this.isAlive) {
      this.options.onDropped('it does not answer pings')
      this.socket.terminate()
      return
    }
    this.isAlive = false
    this.socket.ping()
  }

  /** Ends the connection because the server stops. */
  close(): void {
    this.leave()
    this.socket.close(GOING_AWAY, 'the server stops')
  }

  /** Sends what the peer takes. The hub says when. */
  send(): void {
    if (this.isLeaving || this.isFull) {
      return
    }
    this.transport.cork()
    for (;;) {
      const room = this.options.limits.highWaterBytes - this.socket.bufferedAmount
      if (room <= 0) {
        this.isFull = true
        this.transport.once('drain', () => {
          this.isFull = false
          this.hub.wake(this)
        })
        break
      }
      const batch = this.follower.next(room)
      if (batch === null) {
        break
      }
      this.write(batch)
    }
    this.transport.uncork()
  }

  /** There is news for this viewer. */
  private hear(): void {
    const unsentBytes = this.socket.bufferedAmount + this.follower.behindBytes
    if (unsentBytes > this.options.limits.maxUnsentBytes) {
      this.drop(TRY_AGAIN_LATER, 'it does not keep up')
    } else {
      this.hub.wake(this)
    }
  }

  private receive(text: string | null): void {
    try {
      if (text === null) {
        throw new FeedProtocolError('a message must be text')
      }
      this.client = decodeConnect(text)
    } catch (error) {
      if (!(error instanceof FeedProtocolError)) {
        throw error
      }
      this.options.onMalformed()
      if (++this.malformed > this.options.limits.maxMalformed) {
        this.drop(POLICY_VIOLATION, 'it sends too many malformed messages')
      } else if (!this.isLeaving) {
        this.tell({ command: 'error', message: error.message })
      }
    }
  }

  /** Sends the reason and ends the connection. Nothing more is sent. `ws` ends the socket if the peer does not. */
  private drop(code: number, reason: string): void {
    if (!this.isLeaving) {
      this.leave()
      this.options.onDropped(reason)
      this.tell({ command: 'error', message: `this connection ends: ${reason}` })
      this.socket.close(code, reason)
    }
  }

  private leave(): void {
    this.isLeaving = true
    this.follower.leave()
  }

  /** Sends a notice to this viewer alone. */
  private tell(notice: Notice): void {
    this.write(new Batch([{ message: new Message(notice), seq: 0 }]))
  }

  private write(batch: Batch): void {
    const { connectionId, dialect } = this.options
    // No frame may follow a close frame.
    if (this.socket.readyState === this.socket.OPEN) {
      this.transport.write(batch.frames(connectionId, dialect))
    }
  }
}
