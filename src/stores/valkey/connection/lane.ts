import type { TcpAddress } from '../../../net/address.js'
import { Connection, type ConnectionSettings, type Pipeline } from './connection.js'

/** A node that did not take a connection is not asked for one again before. */
const REST_MS = 100

/** A place for one connection to a node. It connects when there is something to send, and again after the end of that. */
export class Lane {
  private connection: Connection | null = null
  private isConnecting = false
  private isClosed = false
  private restsUntilMs = 0

  constructor(
    private readonly address: TcpAddress,
    private readonly settings: ConnectionSettings,
    private readonly events: {
      /** There is a connection now. */
      onReady(): void
      /** There is none: it could not be made, or has ended. */
      onFailure(reason: Error): void
    },
  ) {}

  get isOpen(): boolean {
    return this.connection?.isOpen === true
  }

  /** When the oldest request without a reply was sent, of `performance.now`. */
  get waitingSinceMs(): number | undefined {
    return this.connection?.waitingSinceMs
  }

  /** Whether it can send at once. Where it cannot, it begins to connect, and `onReady` or `onFailure` follows. */
  prepare(): boolean {
    if (!this.isOpen && !this.isConnecting && !this.isClosed) {
      this.isConnecting = true
      this.connect()
    }
    return this.isOpen
  }

  send(pipeline: Pipeline): void {
    if (this.connection === null) {
      pipeline.onLost(new Error('there is no connection'))
    } else {
      this.connection.send(pipeline)
    }
  }

  /** Ends the connection, and what is in flight on it. `prepare` makes another. */
  reset(reason: Error): void {
    this.connection?.close(reason)
  }

  /** The same for good. */
  close(reason: Error): void {
    this.isClosed = true
    this.reset(reason)
  }

  private async connect(): Promise<void> {
    try {
      const restMs = this.restsUntilMs - performance.now()
      if (restMs > 0) {
        await new Promise((resolve) => setTimeout(resolve, restMs))
      }
      const connection = await Connection.open(this.address, this.settings)
      this.isConnecting = false
      if (this.isClosed) {
        connection.close(new Error('the store is closed'))
        return
      }
      this.connection = connection
      connection.closed.then((reason) => this.events.onFailure(reason))
      this.events.onReady()
    } catch (error) {
      this.isConnecting = false
      this.restsUntilMs = performance.now() + REST_MS
      this.events.onFailure(error as Error)
    }
  }
}
