import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { Stall, Unsent, unsentLimits } from '../../../src/net/unsent.js'

const STALL_TIMEOUT_MS = 60_000

/** An account with little room, and connections of which the test says what waits on them. */
function account() {
  const cut: string[] = []
  const limited: string[] = []
  const limits = { maxAddressBytes: 100, maxBytes: 250 }
  const unsent = new Unsent((limit, address) => limited.push(`${limit} ${address}`), limits)
  const connection = (name: string, bytes: number, isStalled = false) =>
    unsent.add({
      address: name.slice(0, 1),
      unsentBytes: () => bytes,
      isStalled: () => isStalled,
      cut: () => cut.push(name),
    })
  return { unsent, connection, cut, limited }
}

describe('answers that wait', () => {
  it('may fill the bound of an address, and that of all', () => {
    const { unsent, connection, cut } = account()
    for (const [name, bytes] of [
      ['a1', 60],
      ['a2', 40],
      ['b', 100],
      ['c', 50],
    ] as const) {
      connection(name, bytes)
    }
    unsent.enforce()
    expect(cut).toEqual([])
  })

  it('beyond the bound of an address end the connections that hold most, until the rest fits', () => {
    const { unsent, connection, cut, limited } = account()
    for (const [name, bytes] of [
      ['a1', 30],
      ['a2', 90],
      ['a3', 31],
      ['a4', 80],
      ['b', 100],
    ] as const) {
      connection(name, bytes)
    }
    unsent.enforce()
    expect(cut).toEqual(['a2', 'a4'])
    expect(limited).toEqual(['answer-bytes a', 'answer-bytes a'])
    unsent.enforce()
    expect(cut).toHaveLength(2)
  })

  it('beyond the bound of all end the largest connection of the address that holds most', () => {
    const { unsent, connection, cut } = account()
    for (const [name, bytes] of [
      ['a1', 50],
      ['a2', 49],
      ['b', 80],
      ['c', 79],
    ] as const) {
      connection(name, bytes)
    }
    unsent.enforce()
    expect(cut).toEqual(['a1'])
  })

  it.each([
    [0, 64, 256],
    [32, 64, 256],
    [100, 200, 800],
  ])(
    'the largest of which has %i MiB may fill %i MiB an address, and %i in all',
    (largest, address, all) => {
      const MIB = 1024 * 1024
      const limits = { maxAddressBytes: address * MIB, maxBytes: all * MIB }
      expect(unsentLimits(largest * MIB)).toEqual(limits)
    },
  )

  it('count no more once their connection is gone', () => {
    const { unsent, connection, cut } = account()
    const forget = connection('a1', 99)
    connection('a2', 98)
    forget()
    unsent.enforce()
    expect(cut).toEqual([])
  })

  it('of which nothing is taken end their connection', () => {
    const { unsent, connection, cut, limited } = account()
    connection('a1', 1)
    connection('a2', 1, true)
    unsent.enforce()
    expect(cut).toEqual(['a2'])
    expect(limited).toEqual(['answer-timeout a'])
  })
})

describe('a stall', () => {
  it('is over once nothing was taken in time, which is longer for more bytes', () => {
    for (const bytes of [1, 1024 * 1024]) {
      const stall = new Stall(new PassThrough())
      const allowedMs = STALL_TIMEOUT_MS + bytes / 16
      expect(stall.isOver(bytes, 5)).toBe(false)
      expect(stall.isOver(bytes, 5 + allowedMs)).toBe(false)
      expect(stall.isOver(bytes, 6 + allowedMs)).toBe(true)
    }
  })

  it.each<[string, (stall: Stall, stream: PassThrough) => void]>([
    ['fewer bytes wait', (stall) => stall.isOver(99, STALL_TIMEOUT_MS)],
    ['none waited meanwhile', (stall) => stall.isOver(0, STALL_TIMEOUT_MS)],
    [
      'as many wait, but some were taken before',
      (stall, stream) => {
        stream.emit('drain')
        stall.isOver(100, STALL_TIMEOUT_MS)
      },
    ],
  ])('begins anew where %s', (_, take) => {
    const stream = new PassThrough()
    const stall = new Stall(stream)
    stall.isOver(100, 0)
    take(stall, stream)
    expect(stall.isOver(100, 2 * STALL_TIMEOUT_MS)).toBe(false)
    expect(stall.isOver(100, 3 * STALL_TIMEOUT_MS)).toBe(true)
  })

  it('goes on where more bytes wait than before', () => {
    const stall = new Stall(new PassThrough())
    stall.isOver(1, 0)
    stall.isOver(100, STALL_TIMEOUT_MS - 1)
    expect(stall.isOver(100, STALL_TIMEOUT_MS + 1_000)).toBe(true)
  })
})
