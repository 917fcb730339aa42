import { randomBytes } from 'node:crypto'
import {
  EndingsFeed,
  type EndingsFeedPorts,
  type Told,
} from '../../../core/endings/endings-feed.js'
import { BusyError } from '../../../core/errors.js'
import { watchMethod } from '../../../envelope/tokens.js'
import type { Answers } from '../../../minting/answers.js'
import { readTcpAddress } from '../../../net/address.js'
import { peerAddress } from '../../../net/peer-address.js'
import { HASH_BYTES, WatchChain } from './watch-chain.js'
import { Watcher } from './watcher.js'

const MAX_WATCHERS = 10_000
const MAX_WATCHERS_OF_ADDRESS = 2_000

export interface LiveEndingsPorts extends EndingsFeedPorts {
  readonly answers: Pick<Answers, 'sign'>
}

/** What is known of all watchers. */
export interface WatchReport {
  readonly watchers: number
  /** Endings that were told to them, since the start: each once, however many they are. */
  readonly told: number
  /** How long ago watchers heard that they have missed nothing. */
  readonly lagMs: number
}

/** Tells watchers of endings. What is the same for all of them is signed once. */
export class LiveEndings {
  private readonly feed: EndingsFeed
  private readonly watchers = new Set<Watcher>()
  private readonly ofAddress = new Map<string, number>()
  private count = 0
  private told = 0
  /** Of what all are told. It begins with what nobody can guess, so that no other server has the same. */
  private readonly chain = new WatchChain(randomBytes(HASH_BYTES))

  constructor(private readonly ports: LiveEndingsPorts) {
    this.feed = new EndingsFeed(ports, (told) => this.tell(told))
  }

  report(): WatchReport {
    return { watchers: this.count, told: this.told, lagMs: this.feed.lagMs() }
  }

  /**
   * The messages of one stream, until `signal` is aborted. `request`: its digest; `peer`: who asks.
   * Throws BusyError, the signal's reason, and what reading the store throws.
   */
  async *watch(
    cursor: Uint8Array,
    request: Uint8Array,
    peer: string,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, void> {
    const leave = this.enter(peerAddress(readTcpAddress(peer)?.host ?? peer))
    const watcher = new Watcher(signal)
    try {
      const chain = new WatchChain(request, request)
      let from = cursor
      for (let isBehind = true; isBehind; ) {
        const page = await this.feed.read(from)
        isBehind = page.hasMore
        if (isBehind) {
          from = page.cursor
          yield* this.signed(chain.bodies({ ...page, timeMs: null }))
        }
      }
      await this.feed.join(from, (rest) => {
        this.watchers.add(watcher)
        watcher.push(this.signed(chain.bodies(rest, this.chain.hash)))
      })
      yield* watcher.messages()
    } finally {
      leave()
      if (this.watchers.delete(watcher)) {
        this.feed.leave()
      }
    }
  }

  /** Throws BusyError. */
  private enter(address: string): () => void {
    const ofAddress = this.ofAddress.get(address) ?? 0
    if (this.count >= MAX_WATCHERS) {
      throw new BusyError('watches', MAX_WATCHERS)
    }
    if (ofAddress >= MAX_WATCHERS_OF_ADDRESS) {
      throw new BusyError('watches of this address', MAX_WATCHERS_OF_ADDRESS)
    }
    this.count++
    this.ofAddress.set(address, ofAddress + 1)
    return () => {
      this.count--
      const left = (this.ofAddress.get(address) ?? 1) - 1
      if (left === 0) {
        this.ofAddress.delete(address)
      } else {
        this.ofAddress.set(address, left)
      }
    }
  }

  private tell({ endings, cursor, timeMs }: Told): void {
    this.told += endings.length
    // A cursor may be large, and a heartbeat comes soon.
    const isHeartbeat = timeMs !== null
    const messages = this.signed(
      this.chain.bodies({ endings, timeMs, ...(isHeartbeat && { cursor }) }),
    )
    for (const watcher of this.watchers) {
      watcher.push(messages)
    }
  }

  private signed(bodies: readonly Uint8Array[]): Buffer[] {
    return bodies.map((body) => this.ports.answers.sign(watchMethod.response, body))
  }
}
