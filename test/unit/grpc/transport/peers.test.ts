import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Peers } from '../../../../src/grpc/transport/peers.js'
import { TokenBucket } from '../../../../src/grpc/transport/token-bucket.js'
import { peerAddress } from '../../../../src/net/peer-address.js'

/** What a peer may waste at once and in a second. */
const BURST = 2 * 1024 * 1024
const A_SECOND = 256 * 1024
const LIMITS = { maxMessageBytes: 1000, peerCallsPerSecond: 2, peerFailuresPerSecond: 3 }

/** Peers under `limits`, and a clock that is set by hand. */
function peersAt(limits: Partial<typeof LIMITS> = {}) {
  const time = { nowMs: 1_000 }
  const barred: string[] = []
  const peers = new Peers(
    { ...LIMITS, ...limits },
    () => time.nowMs,
    (peer) => barred.push(peer.address),
  )
  return { time, barred, peers, peer: peers.of('10.0.0.1') }
}

/** How often `take` succeeds in a row. */
function count(take: () => boolean): number {
  let taken = 0
  while (taken < 1_000 && take()) {
    taken++
  }
  return taken
}

describe('a bucket of tokens', () => {
  it('never gives more than the burst and what flowed in, whatever the clock does', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: -50, max: 2_000 }), fc.nat({ max: 9 })))
    fc.assert(
      fc.property(steps, (all) => {
        const bucket = new TokenBucket(3, 7, 0)
        let nowMs = 0
        let passedMs = 0
        let taken = 0
        for (const [stepMs, wanted] of all) {
          nowMs += stepMs
          passedMs += Math.abs(stepMs)
          taken += bucket.take(wanted, nowMs) ? wanted : 0
          expect(taken).toBeLessThanOrEqual(7 + (passedMs * 3) / 1000 + 1e-6)
        }
      }),
    )
  })
})

it('a bucket of tokens loses nothing to a clock that is set back, and holds no more than the burst', () => {
  const bucket = new TokenBucket(1, 10, 60_000)
  expect(bucket.take(4, 60_000)).toBe(true)
  expect(bucket.has(6, 0)).toBe(true)
  bucket.giveBack(10)
  expect(bucket.has(10, 0)).toBe(true)
  expect(bucket.has(11, 0)).toBe(false)
})

describe('a peer', () => {
  it('may call in bursts of five seconds, then at its rate', () => {
    const { peer, time } = peersAt()
    expect(count(() => peer.takeCall())).toBe(10)
    time.nowMs += 1_500
    expect(count(() => peer.takeCall())).toBe(3)
  })

  it('may fail in bursts of five seconds, then at its rate, and only failures count', () => {
    const { peer, time } = peersAt()
    const fail = () => {
      const { failsTooOften } = peer
      peer.countFailure(1)
      return !failsTooOften
    }
    expect(count(fail)).toBe(15)
    time.nowMs += 1_000
    expect(count(() => !peer.failsTooOften)).toBe(1_000)
    expect(count(fail)).toBe(3)
  })

  it('is without limit where that is 0', () => {
    const { peer } = peersAt({ peerCallsPerSecond: 0, peerFailuresPerSecond: 0 })
    expect(count(() => peer.takeCall())).toBe(1_000)
    peer.countFailure(1)
    expect(peer.failsTooOften).toBe(false)
  })

  it('is barred for ten seconds once it wasted 2 MiB', () => {
    const { peer, time, barred } = peersAt()
    peer.waste(BURST)
    expect(peer.isBarred).toBe(false)
    peer.waste(1)
    peer.waste(1)
    expect(peer.isBarred).toBe(true)
    expect(barred).toEqual(['10.0.0.1'])
    time.nowMs += 9_999
    expect(peer.isBarred).toBe(true)
    time.nowMs += 1
    expect(peer.isBarred).toBe(false)
  })

  it('is barred for twice as long each time, up to 320 seconds, until it was good for as long', () => {
    const { peer, time } = peersAt()
    const barredForMs = () => {
      peer.bar()
      const sinceMs = time.nowMs
      while (peer.isBarred) {
        time.nowMs += 1_000
      }
      return time.nowMs - sinceMs
    }
    const seven = Array.from({ length: 7 }, barredForMs)
    expect(seven).toEqual([10, 20, 40, 80, 160, 320, 320].map((seconds) => seconds * 1000))
    time.nowMs += 320_001
    expect(barredForMs()).toBe(10_000)
  })

  it('may waste 256 KiB a second, and gets back what served a call after all', () => {
    const { peer, time } = peersAt()
    peer.waste(BURST)
    time.nowMs += 1_000
    peer.waste(A_SECOND)
    peer.waste(-500)
    peer.waste(500)
    expect(peer.isBarred).toBe(false)
    peer.waste(1)
    expect(peer.isBarred).toBe(true)
  })

  it('may have sixteen messages of any length half sent', () => {
    const { peer } = peersAt({ maxMessageBytes: 1_000_000 })
    peer.waste(16_000_000)
    expect(peer.isBarred).toBe(false)
  })

  it('is known again by its address, and apart from others', () => {
    const { peers, peer } = peersAt()
    count(() => peer.takeCall())
    expect(peers.of('::ffff:10.0.0.1').takeCall()).toBe(false)
    expect(peers.of('10.0.0.2').takeCall()).toBe(true)
  })

  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('has the address %s as %s', (remoteAddress, address) => {
    expect(peerAddress(remoteAddress)).toBe(address)
  })
})
