import { addressText, readTcpAddress, type TcpAddress } from '../../../net/address.js'
import { Connection, type ConnectionSettings } from './connection.js'
import { EngineError, itemsOf, type Reply, textOf } from './reply.js'
import { type NatMap, SlotMap } from './slot-map.js'

export interface TopologySettings extends ConnectionSettings {
  readonly seeds: readonly TcpAddress[]
  readonly nat: NatMap
}

/** A change that no call has run into is seen after this time. */
const INTERVAL_MS = 1000
/** How long one node may take before the next is asked. The last has the whole timeout. */
const PATIENCE_MS = 500
/** Between two refreshes that calls ask for. */
const REST_MS = 50
/** A node that has named the same masters for so long, while calls failed there, is asked no longer. */
const TRUST_MS = 1000

/** Keeps up with which node is the master of which slot, by asking any node. */
export class Topology {
  private current: SlotMap | null = null
  /** To the node that answered last. */
  private connection: Connection | null = null
  private asked = ''
  private refreshing: Promise<void> | null = null
  private timer: NodeJS.Timeout | undefined
  private isClosed = false
  /** When calls failed that the same map led, first and last, of `performance.now`. */
  private doubtedSinceMs = Number.NEGATIVE_INFINITY
  private doubtedAtMs = Number.NEGATIVE_INFINITY

  /** `onMap`: the map was read again. `hasNewMaster`: since it was read last, a node became a master. */
  constructor(
    private readonly settings: TopologySettings,
    private readonly onMap: (hasNewMaster: boolean) => void,
  ) {}

  /** Resolves once a node has told. Rejects with the reason why the last one did not. */
  async start(): Promise<void> {
    await this.read()
    this.timer = setInterval(() => this.refresh(), INTERVAL_MS).unref()
  }

  get map(): SlotMap {
    return this.current as SlotMap
  }

  /** A call failed, perhaps because the map is out of date: asks again. A failure shows in the calls that need the map. */
  refreshSoon(): void {
    const nowMs = performance.now()
    if (nowMs - this.doubtedAtMs > TRUST_MS) {
      this.doubtedSinceMs = nowMs
    }
    this.doubtedAtMs = nowMs
    this.refresh()
  }

  /** Unless that is under way. */
  private refresh(): void {
    if (this.refreshing === null && !this.isClosed) {
      this.refreshing = this.read()
        .catch(() => {})
        .then(() => new Promise<void>((resolve) => setTimeout(resolve, REST_MS).unref()))
        .finally(() => {
          this.refreshing = null
        })
    }
  }

  close(): void {
    this.isClosed = true
    clearInterval(this.timer)
    this.connection?.close(new Error('the store is closed'))
  }

  /** Asks one node after the other, beginning with the one that answered last. */
  private async read(): Promise<void> {
    const { timeoutMs } = this.settings
    const candidates = this.candidates()
    let reason: unknown
    for (const node of candidates) {
      if (this.isClosed) {
        throw new Error('the store is closed')
      }
      try {
        const isLast = node === candidates.at(-1)
        const map = await this.ask(node, isLast ? timeoutMs : Math.min(PATIENCE_MS, timeoutMs))
        const before = this.current ?? map
        this.current = map
        this.judge(!map.isReadAs(before))
        this.onMap(map.hasNewMaster(before))
        return
      } catch (error) {
        reason = error
      }
    }
    throw reason
  }

  /** A node that is cut off from the others names masters that were replaced long ago, and answers all the same. */
  private judge(isNews: boolean): void {
    const isDoubtful = this.doubtedAtMs - this.doubtedSinceMs > TRUST_MS
    if (isNews || isDoubtful) {
      this.doubtedSinceMs = this.doubtedAtMs
    }
    if (isDoubtful && !isNews) {
      this.connection?.close(new Error('another node is asked'))
    }
  }

  private candidates(): readonly string[] {
    const seeds = this.settings.seeds.map(addressText)
    const known = [...new Set([...(this.current?.nodes ?? []), ...seeds])]
    const others = known.filter((node) => node !== this.asked)
    // Not all servers ask the same node.
    const from = Math.floor(Math.random() * others.length)
    const turned = [...others.slice(from), ...others.slice(0, from)]
    if (this.connection?.isOpen) {
      return [this.asked, ...turned]
    }
    // The one that ended the connection may be the only one.
    return known.includes(this.asked) ? [...turned, this.asked] : turned
  }

  private async ask(node: string, timeoutMs: number): Promise<SlotMap> {
    const { nat } = this.settings
    const address = readTcpAddress(node) as TcpAddress
    const connection = await this.connectionTo(node, address, timeoutMs)
    const [slots, role] = await connection.ask([['CLUSTER', 'SLOTS'], ['ROLE']], timeoutMs)
    if (!(slots instanceof EngineError)) {
      return SlotMap.read(slots as Reply, address, nat)
    }
    if (!slots.message.includes('cluster support disabled')) {
      throw slots
    }
    if (role instanceof EngineError) {
      throw role
    }
    if (textOf(itemsOf(role)[0]) !== 'master') {
      throw new Error(`${node} is a replica`)
    }
    return SlotMap.single(node)
  }

  private async connectionTo(
    node: string,
    address: TcpAddress,
    timeoutMs: number,
  ): Promise<Connection> {
    if (this.connection?.isOpen && this.asked === node) {
      return this.connection
    }
    this.connection?.close(new Error('another node is asked'))
    this.asked = node
    const connection = await Connection.open(address, { ...this.settings, timeoutMs })
    if (this.isClosed) {
      connection.close(new Error('the store is closed'))
    }
    this.connection = connection
    return connection
  }
}
