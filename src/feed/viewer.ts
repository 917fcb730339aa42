import type { Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Follower } from './follower.js'
import type { FeedHub } from './hub.js'
import { Batch, Message } from './message.js'
import { type Connect, type Dialect, FeedProtocolError, type Notice } from './protocol/messages.js'
import { decodeConnect } from './protocol/read.js'

/** What one connection may take up. */
export interface ViewerLimits {
  /** What is to be sent waits while the socket holds so many bytes unsent: more than its own high-water mark. */
  readonly highWaterBytes: number
  /** A viewer with more bytes unsent, in the socket and waiting, is dropped. */
  readonly maxUnsentBytes: number
  /** A viewer that sends more messages that are none is dropped. */
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
  /** The server ends the connection: the reason. */
  readonly onDropped: (reason: string) => void
}

/** What carries the frames of a WebSocket. */
export type Transport = Pick<Writable, 'write' | 'cork' | 'uncork' | 'once'>

/**
 * One connection: the list as it is, then what happens to it. Its messages go past `ws`, which would make
 * two buffers of each: all that goes at once is one write of bytes that were laid out for all viewers.
 */
export class Viewer {
  /** What it said of itself; null before that. */
  client: Connect | null = null
  private readonly follower: Follower
  private malformed = 0
  private isAlive = true
  private isLeaving = false
  private isFull = false

  /** `transport` is what `socket` writes to. */
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
    // Frames that are none, or too large: 'close' follows.
    socket.on('error', () => options.onMalformed())
    const { expectedVersion } = options
    this.tell({ command: 'reset', expectedVersion })
    this.follower = hub.follow(() => this.hear())
    hub.wake(this)
  }

  /** To be called at intervals: drops a viewer that was silent since the last call. */
  checkAlive(): void {
    if (!this.isAlive) {
      this.options.onDropped('it does not answer pings')
      this.socket.terminate()
      return
    }
    this.isAlive = false
    this.socket.ping()
  }

  /** The server stops. */
  close(): void {
    this.leave()
    this.socket.close(GOING_AWAY, 'the server stops')
  }

  /** Sends what there is, as fast as it is taken; `hub` says when. */
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

  /** Something happened to what is listed. */
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
        this.drop(POLICY_VIOLATION, 'it sends messages that are none')
      } else if (!this.isLeaving) {
        this.tell({ command: 'error', message: error.message })
      }
    }
  }

  /** Says why, and ends. Nothing more is sent, and the socket ends by itself if the peer does not. */
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

  /** Says what is for this viewer alone. */
  private tell(notice: Notice): void {
    this.write(new Batch([{ message: new Message(notice), seq: 0 }]))
  }

  private write(batch: Batch): void {
    const { connectionId, dialect } = this.options
    // Behind a close frame there must be none.
    if (this.socket.readyState === this.socket.OPEN) {
      this.transport.write(batch.frames(connectionId, dialect))
    }
  }
}
