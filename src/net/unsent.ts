import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { backgroundInterval } from './background-timers.js'
import { peerAddress } from './peer-address.js'

const LEAST_ADDRESS_BYTES = 64 * 1024 * 1024
/** How many addresses may each leave as much as one may. */
const FULL_ADDRESSES = 4
/** A peer is stalled when it reads nothing for this long, plus the time that a link of this speed needs for what waits. */
const STALL_TIMEOUT_MS = 60_000
const SLOWEST_BYTES_PER_MS = 16
const CHECK_INTERVAL_MS = 100

export interface UnsentLimits {
  /** Bytes that may wait for one address. */
  readonly maxAddressBytes: number
  /** Bytes that may wait in all. */
  readonly maxBytes: number
}

/** An address may leave twice the largest answer, so that a slow reader of one is not cut, and at least 64 MiB. */
export function unsentLimits(largestAnswerBytes: number): UnsentLimits {
  const maxAddressBytes = Math.max(LEAST_ADDRESS_BYTES, 2 * largestAnswerBytes)
  return { maxAddressBytes, maxBytes: FULL_ADDRESSES * maxAddressBytes }
}

/**
 * A limit that a peer hit:
 * - `answer-timeout`: it read nothing of its answers for too long;
 * - `answer-bytes`: too many bytes waited for an address, or in all, so the connection with most of them was cut.
 */
export type UnsentLimit = 'answer-timeout' | 'answer-bytes'

/** A connection on which answers may wait. */
export interface Recipient {
  /** The address of the peer, as `peerAddress` gives it. */
  readonly address: string
  /** Memory that its answers hold until the peer reads them. */
  unsentBytes(): number
  /** Whether the peer reads nothing any more. Asked several times a second. */
  isStalled(unsentBytes: number, nowMs: number): boolean
  /** `hasTooMuch`: its address holds more than one may. */
  cut(hasTooMuch: boolean): void
}

/** Notices that a peer has stopped reading from a stream. */
export class Stall {
  private unsentBytes = 0
  /** null: it has read something since the last check. */
  private stoppedAtMs: number | null = null

  constructor(stream: Pick<Writable, 'on'>) {
    stream.on('drain', () => {
      this.stoppedAtMs = null
    })
  }

  /** Whether it stopped too long ago. To be asked several times a second. */
  isOver(unsentBytes: number, nowMs: number): boolean {
    if (this.stoppedAtMs === null || unsentBytes === 0 || unsentBytes < this.unsentBytes) {
      this.stoppedAtMs = nowMs
    }
    this.unsentBytes = unsentBytes
    return nowMs - this.stoppedAtMs > STALL_TIMEOUT_MS + unsentBytes / SLOWEST_BYTES_PER_MS
  }
}

/** What waits for one address, and on which of its connections. */
interface Waiting {
  bytes: number
  readonly recipients: { readonly recipient: Recipient; readonly bytes: number }[]
}

/**
 * Counts the answers of all listeners that peers have not read yet. Cuts a connection whose peer reads nothing for too
 * long; where too much waits for one address, its connection with the most; and where too much waits in all, such a
 * connection of the address with the most.
 */
export class Unsent {
  private readonly recipients = new Set<Recipient>()

  constructor(
    private readonly onLimited: (limit: UnsentLimit, address: string) => void,
    private readonly limits = unsentLimits(0),
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Counts a connection until the function returned is called. */
  add(recipient: Recipient): () => void {
    this.recipients.add(recipient)
    return () => this.recipients.delete(recipient)
  }

  /** Counts a socket until it closes. `queuedBytes` returns what waits outside the socket itself. */
  count(socket: Socket, queuedBytes: () => number = () => 0): void {
    const stall = new Stall(socket)
    const forget = this.add({
      address: peerAddress(socket.remoteAddress ?? ''),
      unsentBytes: () => socket.writableLength + queuedBytes(),
      isStalled: (unsentBytes, nowMs) => stall.isOver(unsentBytes, nowMs),
      cut: () => socket.destroy(),
    })
    socket.once('close', forget)
  }

  /** Enforces the limits several times a second, until the function returned is called. */
  start(): () => void {
    return backgroundInterval(CHECK_INTERVAL_MS, () => this.enforce())
  }

  enforce(): void {
    const nowMs = this.nowMs()
    const addresses = new Map<string, Waiting>()
    let total = 0
    for (const recipient of this.recipients) {
      const bytes = recipient.unsentBytes()
      if (recipient.isStalled(bytes, nowMs)) {
        this.cut('answer-timeout', recipient)
      } else if (bytes > 0) {
        const waiting = addresses.get(recipient.address) ?? { bytes: 0, recipients: [] }
        addresses.set(recipient.address, waiting)
        waiting.recipients.push({ recipient, bytes })
        waiting.bytes += bytes
        total += bytes
      }
    }
    for (const waiting of addresses.values()) {
      while (waiting.bytes > this.limits.maxAddressBytes) {
        total -= this.cutLargest(waiting, true)
      }
    }
    while (total > this.limits.maxBytes) {
      const all = [...addresses.values()]
      const most = all.reduce((most, each) => (each.bytes > most.bytes ? each : most))
      total -= this.cutLargest(most, false)
    }
  }

  /** Returns how many bytes it freed. */
  private cutLargest(waiting: Waiting, hasTooMuch: boolean): number {
    waiting.recipients.sort((a, b) => a.bytes - b.bytes)
    const { recipient, bytes } = waiting.recipients.pop() as (typeof waiting.recipients)[number]
    waiting.bytes -= bytes
    this.cut('answer-bytes', recipient, hasTooMuch)
    return bytes
  }

  private cut(limit: UnsentLimit, recipient: Recipient, hasTooMuch = false): void {
    this.recipients.delete(recipient)
    this.onLimited(limit, recipient.address)
    recipient.cut(hasTooMuch)
  }
}
