import { StoreUnavailableError } from '../../../core/errors.js'
import { readTcpAddress, type TcpAddress } from '../../../net/address.js'
import { encode } from './encode.js'
import { EngineNode, type NodeSettings } from './node.js'
import { refusalOf, unavailable } from './refusal.js'
import type { Command, EngineError, Reply } from './reply.js'
import { type CallKind, Load, RoutedCall } from './routed-call.js'
import { redirectedTo } from './slot-map.js'
import { Topology, type TopologySettings } from './topology.js'

export interface RouterSettings extends NodeSettings, TopologySettings {
  /** The code of our functions: loaded into a master that does not have them. */
  readonly library: string
}

/** Before a call is tried again. */
const FIRST_DELAY_MS = 10
const MAX_DELAY_MS = 200
/** Redirections that are followed at once. */
const MAX_HOPS = 5
/** Nodes without our functions that one call may run into. */
const MAX_SUPPLIES = 3
const TICK_MS = 25

/** Brings each call to the master of its slot, also where that changes while the call is on its way. */
export class Router {
  private readonly topology: Topology
  private readonly nodes = new Map<string, EngineNode>()
  /** They are masters no more, and finish what they were sent. */
  private readonly retired = new Set<EngineNode>()
  private readonly loads = new Map<string, Load>()
  private readonly putOff = new Map<RoutedCall, NodeJS.Timeout>()
  /** Masters that are being given the functions. */
  private readonly supplied = new Map<EngineNode, Promise<unknown>>()
  /** Runs while any node has something to wait for. */
  private tick: NodeJS.Timeout | null = null
  private isClosed = false

  /** `onNewMaster`: calls go to a node from now on that was no master before. */
  constructor(
    private readonly settings: RouterSettings,
    onNewMaster: () => void,
  ) {
    this.topology = new Topology(settings, (hasNewMaster) => {
      this.retire()
      if (hasNewMaster) {
        onNewMaster()
      }
    })
  }

  /** Rejects with the reason why no node tells which are the masters. */
  start(): Promise<void> {
    return this.topology.start()
  }

  /** Sends commands to every master that has a slot. Resolves with the replies of each, by `HOST:PORT`. */
  async onMasters(commands: readonly Command[]): Promise<ReadonlyMap<string, Reply[]>> {
    const slots = this.topology.map.slotsOfMasters
    const replies = [...slots].map(async ([master, slot]) => {
      const calls = commands.map((command) => this.call(slot, 'read', command))
      return [master, await Promise.all(calls)] as const
    })
    return new Map(await Promise.all(replies))
  }

  refreshSoon(): void {
    this.topology.refreshSoon()
  }

  masterOf(slot: number): string | undefined {
    return this.topology.map.masterOf(slot)
  }

  /** Sends a command to the master of a slot, or to a node that has it not yet. `channel`: where others are told of it. */
  call(
    slot: number,
    kind: CallKind,
    command: Command,
    { channel, node }: { readonly channel?: string | undefined; readonly node?: EngineNode } = {},
  ): Promise<Reply> {
    const load = this.loadOf(this.masterOf(slot) ?? '')
    if (load.isFull || this.isClosed) {
      const problem = this.isClosed ? 'it is closed' : 'too many calls wait for the engine'
      return Promise.reject(new StoreUnavailableError(problem))
    }
    return new Promise((resolve, reject) => {
      const deadlineAtMs = performance.now() + this.settings.timeoutMs
      const request = encode(command)
      const callbacks = { resolve, reject }
      const call = new RoutedCall(slot, kind, request, channel, deadlineAtMs, this, load, callbacks)
      if (node === undefined) {
        this.route(call)
      } else {
        this.send(call, node)
      }
    })
  }

  /** Ends what is under way, and every connection. */
  close(): void {
    this.isClosed = true
    this.stopTick()
    this.topology.close()
    const reason = new Error('the store is closed')
    for (const node of [...this.nodes.values(), ...this.retired]) {
      node.close(reason)
    }
    for (const [call, timer] of this.putOff) {
      clearTimeout(timer)
      call.reject(unavailable(reason))
    }
  }

  private route(call: RoutedCall): void {
    const master = this.masterOf(call.slot)
    if (master === undefined) {
      this.topology.refreshSoon()
      this.later(call, new Error('no node of the engine serves the slot'))
    } else {
      call.isAsking = false
      this.send(call, this.nodeAt(master))
    }
  }

  private send(call: RoutedCall, node: EngineNode): void {
    call.node = node
    this.tick ??= setInterval(() => this.expire(), TICK_MS).unref()
    if (call.kind === 'write') {
      node.write(call)
    } else {
      node.read(call)
    }
  }

  /**
   * Whether the node that has a call is not the master of its slot any more, as far as is known. What was written goes along
   * with a slot that moves: of a write, whether the node is no master at all.
   */
  isOutdated({ kind, slot, node, isAsking }: RoutedCall): boolean {
    if (isAsking || node === null) {
      return false
    }
    return kind === 'read'
      ? node !== this.nodes.get(this.masterOf(slot) ?? '')
      : this.retired.has(node)
  }

  /** The engine did not execute the call. */
  refused(call: RoutedCall, error: EngineError): void {
    if (error.message === 'ERR Function not found') {
      this.supply(call, error)
      return
    }
    switch (refusalOf(error)) {
      case 'moved':
      case 'ask':
        this.redirect(call, error)
        return
      case 'later':
        this.topology.refreshSoon()
        this.later(call, error)
        return
      case 'unavailable':
        call.reject(unavailable(error))
        return
      default:
        call.reject(error)
    }
  }

  /** No reply comes. What only reads, or was not sent, is tried again. */
  lost(call: RoutedCall, reason: Error): void {
    this.topology.refreshSoon()
    if (call.wasSent && !call.mayRepeat) {
      call.reject(unavailable(reason))
    } else {
      this.later(call, reason)
    }
  }

  private redirect(call: RoutedCall, error: EngineError): void {
    const { node } = call
    const to =
      node === null ? undefined : redirectedTo(error.message, node.address, this.settings.nat)
    // Nodes that point to each other must not keep us busy.
    if (to === undefined || ++call.hops > MAX_HOPS) {
      this.topology.refreshSoon()
      this.later(call, error)
      return
    }
    this.settings.traffic?.onRetry?.()
    if (error.code === 'MOVED') {
      this.topology.map.move(call.slot, to)
      this.topology.refreshSoon()
      this.route(call)
    } else {
      call.isAsking = true
      this.send(call, this.nodeAt(to))
    }
  }

  /** Loads our functions into the node that does not have them, then sends the call again. */
  private supply(call: RoutedCall, error: EngineError): void {
    const { node } = call
    if (node === null || ++call.supplies > MAX_SUPPLIES) {
      call.reject(error)
      return
    }
    let loading = this.supplied.get(node)
    if (loading === undefined) {
      const load = ['FUNCTION', 'LOAD', 'REPLACE', this.settings.library]
      loading = this.call(call.slot, 'write', load, { node }).finally(() =>
        this.supplied.delete(node),
      )
      this.supplied.set(node, loading)
    }
    loading.then(
      () => this.route(call),
      (reason) => call.reject(reason),
    )
  }

  private later(call: RoutedCall, reason: Error): void {
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** call.delays++, MAX_DELAY_MS)
    call.hops = 0
    if (this.isClosed || performance.now() + delayMs >= call.deadlineAtMs) {
      call.reject(unavailable(reason))
      return
    }
    const again = () => {
      this.settings.traffic?.onRetry?.()
      this.putOff.delete(call)
      this.route(call)
    }
    this.putOff.set(call, setTimeout(again, delayMs))
  }

  private nodeAt(address: string): EngineNode {
    let node = this.nodes.get(address)
    if (node === undefined) {
      const onFailure = () => this.topology.refreshSoon()
      node = new EngineNode(readTcpAddress(address) as TcpAddress, this.settings, onFailure)
      this.nodes.set(address, node)
    }
    return node
  }

  private loadOf(master: string): Load {
    let load = this.loads.get(master)
    if (load === undefined) {
      load = new Load()
      this.loads.set(master, load)
    }
    return load
  }

  /** Nodes that are masters no more get no new calls. */
  private retire(): void {
    const masters = this.topology.map.slotsOfMasters
    for (const [address, node] of this.nodes) {
      if (!masters.has(address)) {
        this.nodes.delete(address)
        this.loads.delete(address)
        this.retired.add(node)
        node.retire()
      }
    }
  }

  private stopTick(): void {
    clearInterval(this.tick ?? undefined)
    this.tick = null
  }

  private expire(): void {
    const nowMs = performance.now()
    let isIdle = true
    for (const node of [...this.nodes.values(), ...this.retired]) {
      node.expire(nowMs)
      isIdle &&= node.isIdle
    }
    for (const node of this.retired) {
      if (node.isIdle) {
        this.retired.delete(node)
        node.close(new Error('the node is a master no more'))
      }
    }
    if (isIdle) {
      this.stopTick()
    }
  }
}
