import { describe, expect, it } from 'vitest'
import {
  bracketedPeer,
  peerText,
  readTcpAddress,
  readUnixAddress,
} from '../../../src/net/address.js'

describe('an address', () => {
  it.each([
    ['a.example:1', { host: 'a.example', port: 1 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
    ['::1:1', null],
    ['[::1]', null],
    ['a.example', null],
    ['a.example:65536', null],
    ['unix:a', null],
  ])('is read as a host with a port, or not at all: %s', (text, address) =>
    expect(readTcpAddress(text)).toEqual(address),
  )

  it.each([
    ['unix:a.sock', { path: 'a.sock' }],
    ['unix:/run/a.sock', { path: '/run/a.sock' }],
    ['unix:///run/a.sock', { path: '/run/a.sock' }],
    ['unix://run/a.sock', null],
    ['unix:', null],
    ['unix-abstract:a', null],
    ['a.example:1', null],
  ])('is read as a Unix socket, or not at all: %s', (text, address) =>
    expect(readUnixAddress(text)).toEqual(address),
  )

  it.each([
    ['127.0.0.1:80', '127.0.0.1:80'],
    ['::1:80', '[::1]:80'],
    ['::ffff:127.0.0.1:80', '[::ffff:127.0.0.1]:80'],
    ['unix:7', 'unix:7'],
    ['unknown', 'unknown'],
  ])('of a peer is written with brackets where it needs them: %s', (peer, text) => {
    expect(bracketedPeer(peer)).toBe(text)
    const [, remoteAddress, port] = /^(.+):(\d+)$/.exec(peer) ?? []
    if (remoteAddress !== undefined) {
      expect(peerText({ remoteAddress, remotePort: Number(port) })).toBe(text)
    }
  })
})
