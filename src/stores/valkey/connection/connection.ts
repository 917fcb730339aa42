import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import { AbstractConnector, Command as LibraryCommand, Redis } from 'ioredis'
import type { TcpAddress } from '../../../net/address.js'
import { encode } from './encode.js'
import { readable } from './refusal.js'
import { type Command, EngineError, type Reply } from './reply.js'

export interface ConnectionSettings {
  /** The ACL user; null: the default user. */
  readonly user: string | null
  /** Asked for each connection, so that it can be changed; null: the engine wants none. */
  readonly password: () => string | null
  /** The authorities to trust and the client certificate, asked for each connection; null: without TLS. */
  readonly tls: (() => SecureContext) | null
  /** How long a command may take. */
  readonly timeoutMs: number
}

/** Commands that are sent together, and who takes their replies. */
export interface Pipeline {
  readonly requests: readonly Buffer[]
  /** Replies come in the order of the requests. */
  onReply(reply: Reply | EngineError, index: number): void
  /** The connection has ended: no more replies come. */
  onLost(reason: Error): void
}

interface InFlight {
  readonly pipeline: Pipeline
  /** Of `performance.now`. */
  readonly sentAtMs: number
  replies: number
}

/** More than any reply of ours: what is longer is not kept. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024

/** The system gives at most 64 KiB at once, and ends the connection before the next. */
const MAX_CHUNK_REPLIES = 64 * 1024

/** What takes the reply to a command. The library does not write the command itself. */
class Request extends LibraryCommand {
  constructor(onReply: (error: Error | null | undefined, reply: unknown) => void) {
    super('fcall', [], { replyEncoding: null }, onReply)
  }

  override toWritable(): Buffer {
    return NO_BYTES
  }
}

const NO_BYTES = Buffer.alloc(0)

/**
 * A connection to one node. It ends once, and is never opened again: the library neither reconnects nor sends anything
 * twice, since only we know what may be repeated.
 */
export class Connection {
  /** Resolves when the connection has ended, with the reason. */
  readonly closed: Promise<Error>
  private readonly redis: Redis
  private readonly inFlight: InFlight[] = []
  /** Where the library writes requests: nowhere. */
  private readonly unwritten: Parameters<Redis['sendCommand']>[1]
  private resolveClosed: (reason: Error) => void = () => {}
  private reason: Error | null = null
  /** Since the last reply or message. */
  private receivedBytes = 0

  private constructor(
    private readonly socket: Socket,
    timeoutMs: number,
  ) {
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve
    })
    const destination = { redis: { stream: socket } }
    this.unwritten = { isPipeline: true, write: () => true, destination }
    this.redis = new Redis({
      Connector: connectorTo(socket),
      ...('encrypted' in socket && { tls: {} }),
      protocol: 2,
      lazyConnect: true,
      connectTimeout: timeoutMs,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      disableClientInfo: true,
      retryStrategy: () => null,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
    })
    // The library's own errors quote what the engine sent.
    this.redis.on('error', (error) =>
      this.close(
        'code' in error ? readable(error) : new Error('the engine sent what is not its protocol'),
      ),
    )
    this.redis.on('end', () => this.close(new Error('the engine closed the connection')))
    socket.on('data', (chunk) => this.count(chunk.length))
    // The library listens for the first error alone.
    socket.on('error', () => {})
  }

  /** Connects and logs in. Rejects with the system's error, or with an EngineError where the engine refuses. */
  static async open(address: TcpAddress, settings: ConnectionSettings): Promise<Connection> {
    const connection = new Connection(dial(address, settings), settings.timeoutMs)
    try {
      await connection.redis.connect()
      connection.guard()
      const password = settings.password()
      const auth = ['AUTH', ...(settings.user === null ? [] : [settings.user]), password ?? '']
      // The ping shows that the node answers: the system accepts connections also for a process that is stopped.
      const commands = [...(password === null ? [] : [auth]), ['PING']]
      const replies = await connection.ask(commands, settings.timeoutMs)
      const refusal = replies.find((reply) => reply instanceof EngineError)
      if (refusal !== undefined) {
        throw refusal
      }
      return connection
    } catch (error) {
      connection.close(error as Error)
      // The first reason is the cause of the others.
      throw connection.reason ?? error
    }
  }

  get isOpen(): boolean {
    return this.reason === null
  }

  /** When the oldest request that has no reply yet was sent; undefined where all have theirs. */
  get waitingSinceMs(): number | undefined {
    return this.inFlight[0]?.sentAtMs
  }

  /** Sends the requests in one write. */
  send(pipeline: Pipeline): void {
    if (this.reason !== null) {
      pipeline.onLost(this.reason)
      return
    }
    this.inFlight.push({ pipeline, sentAtMs: performance.now(), replies: 0 })
    for (let i = 0; i < pipeline.requests.length; i++) {
      this.redis.sendCommand(new Request(this.take), this.unwritten)
    }
    // All in one chunk: the system takes nearly as long for each as for all together.
    this.socket.write(Buffer.concat(pipeline.requests))
  }

  /** Sends commands and resolves with their replies. Closes the connection where they do not come in time. */
  ask(commands: readonly Command[], timeoutMs: number): Promise<(Reply | EngineError)[]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.close(tooLate()), timeoutMs)
      const replies: (Reply | EngineError)[] = []
      this.send({
        requests: commands.map(encode),
        onReply: (reply) => {
          replies.push(reply)
          if (replies.length === commands.length) {
            clearTimeout(timer)
            resolve(replies)
          }
        },
        onLost: (reason) => {
          clearTimeout(timer)
          reject(reason)
        },
      })
    })
  }

  /** Takes messages of channels from now on. `onMoved`: a channel that was listened to is on another node now. */
  listen(onMessage: (channel: string, message: string) => void, onMoved: () => void): void {
    this.redis.on('smessage', (channel: string, message: string) => {
      this.receivedBytes = 0
      onMessage(channel, message)
    })
    this.redis.on('moved', onMoved)
  }

  /** Listens to a channel. From then on the connection takes only such requests. */
  async subscribe(channel: string): Promise<void> {
    await this.redis.ssubscribe(channel)
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.redis.sunsubscribe(channel)
  }

  /** Closes the connection where the node does not answer in time. */
  async ping(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.close(tooLate()), timeoutMs)
    await this.redis.ping().catch((error) => this.close(error))
    this.receivedBytes = 0
    clearTimeout(timer)
  }

  /** Ends the connection at once, and every pipeline that is in flight on it. */
  close(reason: Error): void {
    if (this.reason !== null) {
      return
    }
    this.reason = reason
    this.redis.disconnect()
    for (const { pipeline } of this.inFlight.splice(0)) {
      pipeline.onLost(reason)
    }
    this.resolveClosed(reason)
  }

  /** The reply to the oldest request, or the library's error where there will be none. */
  private readonly take = (error: Error | null | undefined, reply: unknown): void => {
    this.receivedBytes = 0
    const [first] = this.inFlight
    if (first === undefined) {
      return
    }
    if (error && error.name !== 'ReplyError') {
      this.close(new Error('the engine closed the connection'))
      return
    }
    const index = first.replies++
    if (first.replies === first.pipeline.requests.length) {
      this.inFlight.shift()
    }
    // Of the library's error the message alone: it carries the arguments of the command, too.
    first.pipeline.onReply(error ? new EngineError(error.message) : (reply as Reply), index)
  }

  /**
   * A reply that nobody asked for ends the connection. By itself the library throws for some of these, where nothing can
   * catch it: so it finds one command more whenever it has no other.
   */
  private guard(): void {
    const { commandQueue } = this.redis as unknown as { commandQueue: { shift(): unknown } }
    const shift = commandQueue.shift.bind(commandQueue)
    const notAsked = () => this.close(new Error('the engine sent what is not its protocol'))
    const stray = { command: new Request(notAsked) }
    // It also empties the queue by this function: then there must be an end.
    let left = MAX_CHUNK_REPLIES
    commandQueue.shift = () => shift() ?? (left-- > 0 ? stray : undefined)
  }

  private count(bytes: number): void {
    this.receivedBytes += bytes
    if (this.receivedBytes > MAX_REPLY_BYTES) {
      this.close(new Error('the engine sent a reply that is too large'))
    }
  }
}

function tooLate(): Error {
  return new Error('the engine did not answer in time')
}

/** Gives the library a socket that ends at once: by itself it waits until the other end has read everything. */
function connectorTo(socket: Socket) {
  return class extends AbstractConnector {
    constructor() {
      super(0)
    }

    connect() {
      return Promise.resolve(socket)
    }

    override disconnect() {
      socket.destroy()
    }
  }
}

function dial({ host, port }: TcpAddress, { tls }: ConnectionSettings): Socket {
  if (tls === null) {
    return connectTcp({ host, port })
  }
  return connectTls({
    host,
    port,
    secureContext: tls(),
    // Node refuses an address as the name that it asks for; it compares the certificate with `host`.
    ...(isIP(host) === 0 && { servername: host }),
  })
}
