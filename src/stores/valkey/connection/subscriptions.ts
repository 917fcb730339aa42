import { readTcpAddress, type TcpAddress } from '../../../net/address.js'
import { readMessage } from './batch.js'
import { Connection, type ConnectionSettings } from './connection.js'
import type { NodeSettings } from './node.js'

/** How often masters are compared with the map, and silent connections are found. */
const INTERVAL_MS = 500

/** A shard's channel. Its name has the shard's hash tag, so that the master of the shard has it. */
export interface Channel {
  readonly name: string
  readonly shard: number
  readonly slot: number
}

/** What is known of the cluster. */
export interface Masters {
  masterOf(slot: number): string | undefined
  refreshSoon(): void
}

/** A connection to a master, and the channels that were asked for on it. */
interface Listener {
  readonly connection: Connection
  readonly asked: Set<string>
}

/**
 * Listens to channels. The engine loses messages when a connection ends, a slot moves or a master dies: whenever a channel is
 * listened to anew, `onWake` is called as for a message of another server.
 */
export class Subscriptions {
  private readonly listeners = new Map<string, Listener>()
  private readonly connecting = new Set<string>()
  private readonly shards: ReadonlyMap<string, number>
  private readonly timer: NodeJS.Timeout
  private isClosed = false

  constructor(
    private readonly settings: ConnectionSettings & Pick<NodeSettings, 'sender'>,
    private readonly masters: Masters,
    private readonly channels: readonly Channel[],
    private readonly onWake: (shard: number) => void,
  ) {
    this.shards = new Map(channels.map(({ name, shard }) => [name, shard]))
    this.timer = setInterval(() => this.look(), INTERVAL_MS).unref()
    this.look()
  }

  close(): void {
    this.isClosed = true
    clearInterval(this.timer)
    for (const { connection } of this.listeners.values()) {
      connection.close(new Error('the store is closed'))
    }
  }

  /** Listens to each channel on its master, and nowhere else. */
  private look(): void {
    const wanted = this.channelsOfMasters()
    for (const [master, { connection }] of this.listeners) {
      if (wanted.has(master)) {
        connection.ping(this.settings.timeoutMs)
      } else {
        connection.close(new Error('the node is a master no more'))
      }
    }
    for (const [master, names] of wanted) {
      const listener = this.listeners.get(master)
      if (listener !== undefined) {
        this.ask(listener, names)
      } else if (!this.connecting.has(master)) {
        this.connecting.add(master)
        this.connect(master)
      }
    }
  }

  private channelsOfMasters(): ReadonlyMap<string, ReadonlySet<string>> {
    const names = new Map<string, Set<string>>()
    for (const { name, slot } of this.channels) {
      const master = this.masters.masterOf(slot)
      if (master !== undefined) {
        names.set(master, (names.get(master) ?? new Set()).add(name))
      }
    }
    return names
  }

  private async connect(master: string): Promise<void> {
    try {
      const connection = await Connection.open(readTcpAddress(master) as TcpAddress, this.settings)
      const listener = { connection, asked: new Set<string>() }
      this.listeners.set(master, listener)
      connection.listen(
        (channel, message) => this.hear(channel, message),
        () => {
          // Which one is not said: all are asked for again, which does no harm.
          listener.asked.clear()
          this.masters.refreshSoon()
        },
      )
      connection.closed.then(() => {
        this.listeners.delete(master)
        this.masters.refreshSoon()
      })
      if (this.isClosed) {
        connection.close(new Error('the store is closed'))
      } else {
        this.ask(listener, this.channelsOfMasters().get(master) ?? new Set())
      }
    } catch {
      // The next look tries again. Calls that need this master say what is wrong.
      this.masters.refreshSoon()
    } finally {
      this.connecting.delete(master)
    }
  }

  /** One command a channel: the engine refuses channels of several slots in one. */
  private ask({ connection, asked }: Listener, names: ReadonlySet<string>): void {
    for (const name of names) {
      if (!asked.has(name)) {
        asked.add(name)
        connection.subscribe(name).then(
          () => this.wake(name),
          () => asked.delete(name),
        )
      }
    }
    for (const name of asked) {
      if (!names.has(name)) {
        asked.delete(name)
        // Where that fails the connection has ended, or the engine has moved the channel already.
        connection.unsubscribe(name).catch(() => {})
      }
    }
  }

  private hear(channel: string, message: string): void {
    const { sender, channels } = readMessage(channel, message)
    // What this server wrote it knows.
    if (sender !== this.settings.sender) {
      for (const name of channels) {
        this.wake(name)
      }
    }
  }

  private wake(channel: string): void {
    const shard = this.shards.get(channel)
    if (shard !== undefined) {
      this.onWake(shard)
    }
  }
}
