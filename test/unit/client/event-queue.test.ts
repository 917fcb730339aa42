import { queryObjects } from 'node:v8'
import { expect, it, vi } from 'vitest'
import { EventQueue } from '../../../src/client/event-queue.js'

const MOST = 100_000

function fill(queue: EventQueue<number>, count: number): void {
  for (let n = 0; n < count; n++) {
    queue.push(n)
  }
}

it('gives what was there first, then what happens, in order', async () => {
  const queue = new EventQueue(['first'], () => {})
  queue.push('second')
  const read = [await queue.next(), await queue.next()]
  const waiting = queue.next()
  queue.push('third')
  expect([...read, await waiting].map(({ value }) => value)).toEqual(['first', 'second', 'third'])
})

it('gives what waits before it ends', async () => {
  const queue = new EventQueue([1], () => {})
  queue.end()
  expect(await queue.next()).toEqual({ value: 1, done: false })
  expect(await queue.next()).toEqual({ value: undefined, done: true })
})

it('ends a reader that waits', async () => {
  const queue = new EventQueue([], () => {})
  const waiting = queue.next()
  queue.end()
  expect(await waiting).toEqual({ value: undefined, done: true })
})

it('serves each reader that waits, in the order in which they asked', async () => {
  const queue = new EventQueue<number>([], () => {})
  const waiting = Promise.all([queue.next(), queue.next(), queue.next()])
  queue.push(1)
  queue.push(2)
  queue.end()
  expect(await waiting).toEqual([
    { value: 1, done: false },
    { value: 2, done: false },
    { value: undefined, done: true },
  ])
})

it('lets 100,000 events wait, and fails a reader that falls further behind', async () => {
  const onEnd = vi.fn()
  const queue = new EventQueue<number>([], onEnd)
  fill(queue, MOST)
  expect(await queue.next()).toEqual({ value: 0, done: false })
  queue.push(MOST)
  expect(onEnd).not.toHaveBeenCalled()
  queue.push(MOST + 1)
  expect(onEnd).toHaveBeenCalledOnce()
  await expect(queue.next()).rejects.toThrow('100000 events were not read')
})

it('tells when its reader leaves, and ends', async () => {
  const onEnd = vi.fn()
  const queue = new EventQueue([1, 2], onEnd)
  for await (const event of queue) {
    expect(event).toBe(1)
    break
  }
  expect(onEnd).toHaveBeenCalledOnce()
})

it('keeps few of the events that were read, also for a reader that never catches up', async () => {
  class Happening {}
  const queue = new EventQueue<Happening>([new Happening()], () => {})
  for (let n = 0; n < 10_000; n++) {
    queue.push(new Happening())
    await queue.next()
  }
  expect(queryObjects(Happening, { format: 'count' })).toBeLessThanOrEqual(1_002)
})
