import { describe, expect, it } from 'vitest'
import type { Reply } from '../../../../../src/stores/valkey/connection/reply.js'
import { redirectedTo, SlotMap } from '../../../../../src/stores/valkey/connection/slot-map.js'

const FROM = { host: '10.0.0.9', port: 6379 }
const node = (host: string | null, port: number): Reply => [
  host === null ? null : Buffer.from(host),
  port,
  Buffer.from('id'),
  [],
]

describe('a map of slots', () => {
  it('knows the master of each slot, and every node', () => {
    const map = SlotMap.read(
      [
        [0, 99, node('10.0.0.1', 1), node('10.0.0.2', 2)],
        [100, 16_383, node('10.0.0.3', 3)],
      ],
      FROM,
      new Map(),
    )
    expect([0, 99, 100, 16_383].map((slot) => map.masterOf(slot))).toEqual([
      '10.0.0.1:1',
      '10.0.0.1:1',
      '10.0.0.3:3',
      '10.0.0.3:3',
    ])
    expect([...map.nodes]).toEqual(['10.0.0.1:1', '10.0.0.2:2', '10.0.0.3:3'])
    expect([...map.slotsOfMasters.keys()]).toEqual(['10.0.0.1:1', '10.0.0.3:3'])
  })

  it('leaves a slot that nobody serves without a master', () => {
    const map = SlotMap.read([[5, 5, node('a', 1)]], FROM, new Map())
    expect([4, 5, 6].map((slot) => map.masterOf(slot))).toEqual([undefined, 'a:1', undefined])
  })

  it.each([
    ['null', node(null, 7), '10.0.0.9:7'],
    ['empty', node('', 7), '10.0.0.9:7'],
    ['unknown', node('?', 7), undefined],
    ['an IPv6 address', node('::1', 7), '[::1]:7'],
    ['behind NAT', node('172.17.0.2', 7), 'gate:7001'],
  ])('takes a host that is %s', (_name, master, expected) => {
    const nat = new Map([['172.17.0.2:7', { host: 'gate', port: 7001 }]])
    expect(SlotMap.read([[0, 0, master]], FROM, nat).masterOf(0)).toBe(expected)
  })

  it.each<[string, Reply]>([
    ['no array', Buffer.from('OK')],
    ['a range without a node', [[0, 1]]],
    ['slots that no cluster has', [[0, 16_384, node('a', 1)]]],
    ['a slot below 0', [[-1, 0, node('a', 1)]]],
    ['a node without a port', [[0, 1, [Buffer.from('a')]]]],
    ['a range of text', [[Buffer.from('0'), 1, node('a', 1)]]],
  ])('is not made of %s', (_name, reply) => {
    expect(() => SlotMap.read(reply, FROM, new Map())).toThrow()
  })
})

it.each([
  ['MOVED 3999 127.0.0.1:6381', '127.0.0.1:6381'],
  ['ASK 3999 node.example:6381', 'node.example:6381'],
  ['MOVED 3999 :6381', '10.0.0.9:6381'],
  ['MOVED 3999 ::1:6381', '[::1]:6381'],
  ['MOVED 3999 172.17.0.2:7', 'gate:7001'],
  ['MOVED 3999 ?:6381', undefined],
  ['MOVED', undefined],
])('%s leads to %s', (message, to) => {
  const nat = new Map([['172.17.0.2:7', { host: 'gate', port: 7001 }]])
  expect(redirectedTo(message, FROM, nat)).toBe(to)
})
