import { describe, expect, it } from 'vitest'
import { serverOf } from '../../../../src/client/connection/address.js'

describe('the address of a server', () => {
  it.each([
    ['127.0.0.1:8090', { host: '127.0.0.1', port: 8090 }],
    ['sessions.example:443', { host: 'sessions.example', port: 443 }],
    ['[::1]:8090', { host: '::1', port: 8090 }],
    ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
    ['dns:sessions.example:1', { host: 'sessions.example', port: 1 }],
    ['dns:///sessions.example:1', { host: 'sessions.example', port: 1 }],
    ['unix:sessiond.sock', null],
    ['unix:///run/sessiond.sock', null],
  ])('may be %s', (address, server) => {
    expect(serverOf(address)).toEqual(server)
  })

  it.each([
    [
      '',
      /^"" is not the address of a server: expected HOST:PORT, such as 127\.0\.0\.1:8090, or unix:PATH$/,
    ],
    ['sessions.example', /expected HOST:PORT/],
    ['sessions.example:', /expected HOST:PORT/],
    ['sessions.example:0', /expected HOST:PORT/],
    ['sessions.example:65536', /expected HOST:PORT/],
    ['sessions.example:8090/', /expected HOST:PORT/],
    ['two words:8090', /expected HOST:PORT/],
    ['user@sessions.example:8090', /expected HOST:PORT/],
    ['[sessions.example]:8090', /expected HOST:PORT/],
    ['::1', /write \[::1\]:PORT$/],
    ['http://127.0.0.1:8090', /leave out http:\/\/$/],
    ['https://sessions.example:443', /leave out https:\/\/, and ask for TLS with `tls: true`$/],
    ['unix:', /expected HOST:PORT/],
    [undefined, /must be text/],
    [8090, /must be text/],
  ])('is not %j', (address, problem) => {
    expect(() => serverOf(address)).toThrow(TypeError)
    expect(() => serverOf(address)).toThrow(problem)
  })
})
