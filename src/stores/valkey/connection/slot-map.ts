import { addressText, readTcpAddress, type TcpAddress } from '../../../net/address.js'
import { itemsOf, numberOf, type Reply } from './reply.js'
import { SLOTS } from './slots.js'

/** Nodes by the address that they announce, where that is not where they are reached. */
export type NatMap = ReadonlyMap<string, TcpAddress>

/** Which node is the master of each slot. A node is named by the address at which it is reached, `HOST:PORT`. */
export class SlotMap {
  private readonly masters: (string | undefined)[]

  private constructor(
    private readonly asRead: readonly (string | undefined)[],
    /** Those that had a slot when it was read. */
    private readonly knownMasters: ReadonlySet<string>,
    /** Every node that was named, replicas too: whom to ask when masters are gone. */
    readonly nodes: ReadonlySet<string>,
  ) {
    this.masters = [...asRead]
  }

  /** One server has all slots. */
  static single(node: string): SlotMap {
    const nodes = new Set([node])
    return new SlotMap(new Array(SLOTS).fill(node), nodes, nodes)
  }

  /** Reads the reply to `CLUSTER SLOTS` of the node at `from`. Throws where it is anything else. */
  static read(reply: Reply, from: TcpAddress, nat: NatMap): SlotMap {
    const masters = new Array<string | undefined>(SLOTS).fill(undefined)
    const known = new Set<string>()
    const nodes = new Set<string>()
    for (const range of itemsOf(reply)) {
      const [first, last, ...serving] = itemsOf(range)
      const [from_, to] = [numberOf(first), numberOf(last)]
      if (from_ < 0 || to >= SLOTS || serving.length === 0) {
        throw new Error('the engine answered with slots that no cluster has')
      }
      const [master, ...replicas] = serving.map((node) => nodeOf(node, from, nat))
      masters.fill(master, from_, to + 1)
      if (master !== undefined) {
        known.add(master)
      }
      for (const node of [master, ...replicas]) {
        if (node !== undefined) {
          nodes.add(node)
        }
      }
    }
    return new SlotMap(masters, known, nodes)
  }

  masterOf(slot: number): string | undefined {
    return this.masters[slot]
  }

  /** Notes what a MOVED says, until the whole map is read again. */
  move(slot: number, node: string): void {
    this.masters[slot] = node
  }

  /** Whether the same masters were read. */
  isReadAs(other: SlotMap): boolean {
    return this.asRead.every((master, slot) => master === other.asRead[slot])
  }

  /** Whether a node has slots that had none in the map before this one: it is new, or a replica that took over. */
  hasNewMaster(before: SlotMap): boolean {
    return [...this.knownMasters].some((master) => !before.knownMasters.has(master))
  }

  /** Every master, with one of its slots. */
  get slotsOfMasters(): ReadonlyMap<string, number> {
    const slots = new Map<string, number>()
    this.masters.forEach((master, slot) => {
      if (master !== undefined) {
        slots.set(master, slot)
      }
    })
    return slots
  }
}

/** A node of `CLUSTER SLOTS`: `[host, port, id, …]`. Without a host it has that of the node that answered. */
function nodeOf(reply: Reply, from: TcpAddress, nat: NatMap): string | undefined {
  const [host, port] = itemsOf(reply)
  const name = Buffer.isBuffer(host) ? host.toString() : ''
  return name === '?'
    ? undefined
    : reachable({ host: name || from.host, port: numberOf(port) }, nat)
}

/**
 * The node that a redirection names: `MOVED 3999 127.0.0.1:6381`, `ASK 3999 :6381`. Undefined where it names none.
 */
export function redirectedTo(message: string, from: TcpAddress, nat: NatMap): string | undefined {
  const [, , text = ''] = message.split(' ')
  const address = readTcpAddress(text.startsWith(':') ? `${addressHost(from)}${text}` : text)
  // The engine writes an IPv6 address without brackets.
  const colon = text.lastIndexOf(':')
  const bare = readTcpAddress(`[${text.slice(0, colon)}]${text.slice(colon)}`)
  const found = address ?? bare
  return found === null || found.host === '?' ? undefined : reachable(found, nat)
}

function reachable(address: TcpAddress, nat: NatMap): string {
  return addressText(nat.get(addressText(address)) ?? address)
}

function addressHost({ host }: TcpAddress): string {
  return host.includes(':') ? `[${host}]` : host
}
