import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { hasJsonType, hostOf, namesThisMachine, readBody } from '../../../src/net/request.js'

const requestWith = (headers: Record<string, string>, parts: string[] = []) =>
  Object.assign(Readable.from(parts.map(Buffer.from)), { headers }) as unknown as IncomingMessage

describe('the Host header', () => {
  it.each([
    ['localhost', 'localhost', true],
    ['LocalHost:8807', 'localhost', true],
    ['127.0.0.1:1', '127.0.0.1', true],
    ['[::1]', '::1', true],
    ['[::1]:8807', '::1', true],
    ['localhost.', 'localhost.', false],
    ['rebound.example:8807', 'rebound.example', false],
    ['127.0.0.1.evil.example', '127.0.0.1.evil.example', false],
    ['::1', '', false],
    ['localhost:123456', '', false],
    ['a:1:2', '', false],
    ['', '', false],
  ])('%j names %j, this machine: %s', (host, name, isThisMachine) => {
    expect(hostOf(requestWith({ host }))).toBe(name)
    expect(namesThisMachine(requestWith({ host }))).toBe(isThisMachine)
  })

  it('names nothing where it is absent', () => {
    expect(namesThisMachine(requestWith({}))).toBe(false)
  })
})

it.each([
  ['application/json', true],
  ['Application/JSON; charset=utf-8', true],
  ['application/json ;x', true],
  ['application/jsonp', false],
  ['text/plain; application/json', false],
  ['', false],
])('the type %j declares JSON: %s', (type, isJson) => {
  expect(hasJsonType(requestWith({ 'content-type': type }))).toBe(isJson)
})

describe('the body of a request', () => {
  it('is read whole up to the limit, each part once there is room for it', async () => {
    const held: number[] = []
    const hold = (bytes: number) => void held.push(bytes)
    expect(await readBody(requestWith({}, ['ab', 'cde']), 5, hold)).toEqual(Buffer.from('abcde'))
    expect(held).toEqual([2, 3])
    expect(await readBody(requestWith({}), 5)).toEqual(Buffer.alloc(0))
  })

  it('is refused as soon as it is beyond the limit', async () => {
    const request = requestWith({}, ['abc', 'def', 'ghi'])
    expect(await readBody(request, 5)).toBeNull()
    expect(request.destroyed).toBe(true)
  })

  it('is refused unread where its length is beyond the limit', async () => {
    const request = requestWith({ 'content-length': '6' }, ['abc'])
    expect(await readBody(request, 5)).toBeNull()
    expect(request.readableDidRead).toBe(false)
  })

  it('fails where the request does', async () => {
    const request = requestWith({}, ['abc'])
    request.destroy(new Error('the peer is gone'))
    await expect(readBody(request, 5)).rejects.toThrow('the peer is gone')
  })
})
