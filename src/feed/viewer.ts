import type { Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Follower } from './follower.js'
import type { FeedHub } from './hub.js'
import { Message } from './message.js'
import { type Connect, type Dialect, decodeConnect, FeedProtocolError } from './protocol.js'

/** What one connection may take up. */
export interface ViewerLimits {
  /** What is listed waits while so many bytes are unsent. */
  readonly highWaterBytes: number
  /** A viewer with more bytes unsent is dropped. */
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

/** One connection: the list as it is, then what happens to it. */
export class Viewer {
  /** What it said of itself; null before that. */
  client: Connect | null = null
  private readonly follower: Follower
  private malformed = 0
  private isAlive = true
  private isLeaving = false
  private isCorked = false

  /** `transport` is what `socket` writes to. */
  constructor(
    private readonly socket: WebSocket,
    private readonly transport: Pick<Writable, 'cork' | 'uncork'>,
    hub: FeedHub,
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
    this.send(new Message({ command: 'reset', expectedVersion }))
    this.follower = hub.follow((message) => this.deliver(message))
    this.pump()
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

  /** Sends what is listed, as fast as it is taken. */
  private pump(): void {
    while (!this.isLeaving) {
      const message = this.follower.next()
      if (message === null) {
        return
      }
      if (this.socket.bufferedAmount >= this.options.limits.highWaterBytes) {
        this.send(message, () => this.pump())
        return
      }
      this.send(message)
    }
  }

  private deliver(message: Message): void {
    if (this.socket.bufferedAmount > this.options.limits.maxUnsentBytes) {
      this.drop(TRY_AGAIN_LATER, 'it does not keep up')
    } else {
      this.send(message)
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
        this.deliver(new Message({ command: 'error', message: error.message }))
      }
    }
  }

  /** Says why, and ends. Nothing more is sent, and the socket ends by itself if the peer does not. */
  private drop(code: number, reason: string): void {
    if (!this.isLeaving) {
      this.leave()
      this.options.onDropped(reason)
      this.send(new Message({ command: 'error', message: `this connection ends: ${reason}` }))
      this.socket.close(code, reason)
    }
  }

  private leave(): void {
    this.isLeaving = true
    this.follower.leave()
  }

  private send(message: Message, whenSent?: () => void): void {
    const { connectionId, dialect } = this.options
    if (!this.isCorked) {
      // What is sent in one turn leaves together: far fewer system calls.
      this.isCorked = true
      this.transport.cork()
      process.nextTick(() => {
        this.isCorked = false
        this.transport.uncork()
      })
    }
    this.socket.send(message.text(connectionId, dialect), whenSent)
  }
}
