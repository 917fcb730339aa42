import { expect, it } from 'vitest'
import { StoreDamagedError } from '../../../../../src/core/errors.js'
import type { Cluster } from '../../../../../src/stores/valkey/connection/cluster.js'
import { EngineError, type Reply } from '../../../../../src/stores/valkey/connection/reply.js'
import { Functions } from '../../../../../src/stores/valkey/functions/functions.js'
import { Shards } from '../../../../../src/stores/valkey/layout/shards.js'
import { EventCursor } from '../../../../../src/stores/valkey/maintenance/event-cursor.js'

/** A shard whose stream the test writes: `[place, id]` of each entry. */
function given(...entries: [number, string][]) {
  const stream = { entries }
  const text = (value: string) => Buffer.from(value)
  const replyOf = ([place, id]: [number, string]): Reply => [
    text(`${place}-0`),
    id === '' ? [text('foreign')] : [text('id'), text(id), text('v'), text('version')],
  ]
  const command = async (_shard: number, [asked = []]: readonly (readonly unknown[])[]) => {
    const [name, , from] = asked
    if (name === 'XREVRANGE') {
      return [stream.entries.slice(-1).map(replyOf)]
    }
    const first = from === '-' ? 0 : Number.parseInt(`${from}`, 10)
    const count = Number(asked.at(-1))
    return [
      stream.entries
        .filter(([place]) => place >= first)
        .slice(0, count)
        .map(replyOf),
    ]
  }
  return { stream, store: storeOver(command) }
}

function storeOver(command: Cluster['command']) {
  const functions = new Functions({ command } as Partial<Cluster> as Cluster)
  return { shards: new Shards(1), functions }
}

it('tells each session once that changed since the last call', async () => {
  const { stream, store } = given([1, 'before'])
  const cursor = await EventCursor.atEnd(store, 0)
  expect(await cursor.next()).toEqual(new Set())
  stream.entries.push([2, 'a'], [3, 'b'], [4, 'a'])
  expect(await cursor.next()).toEqual(new Set(['a', 'b']))
  expect(await cursor.next()).toEqual(new Set())
})

it('begins in an empty stream', async () => {
  const { stream, store } = given()
  const cursor = await EventCursor.atEnd(store, 0)
  expect(await cursor.next()).toEqual(new Set())
  stream.entries.push([1, 'a'])
  expect(await cursor.next()).toEqual(new Set(['a']))
})

it('says so where the stream no longer has what was read last', async () => {
  const { stream, store } = given([1, 'before'])
  const cursor = await EventCursor.atEnd(store, 0)
  stream.entries.splice(0, 1, [7, 'later'])
  expect(await cursor.next()).toBeUndefined()
  stream.entries.splice(0)
  expect(await cursor.next()).toBeUndefined()
})

it('says so where more changed than a stream keeps for certain', async () => {
  const { stream, store } = given()
  const cursor = await EventCursor.atEnd(store, 0)
  stream.entries.push(...Array.from({ length: 900 }, (_, i): [number, string] => [i, `${i}`]))
  expect(await cursor.next()).toBeUndefined()
})

it('passes over entries that no server wrote', async () => {
  const { stream, store } = given()
  const cursor = await EventCursor.atEnd(store, 0)
  stream.entries.push([1, ''], [2, 'a'])
  expect(await cursor.next()).toEqual(new Set(['a']))
})

it('says so where the key of the stream is something else', async () => {
  const wrongType = 'WRONGTYPE Operation against a key holding the wrong kind of value'
  const store = storeOver(() => Promise.reject(new EngineError(wrongType)))
  await expect(EventCursor.atEnd(store, 0)).rejects.toThrow(StoreDamagedError)
})
