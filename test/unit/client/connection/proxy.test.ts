import { describe, expect, it } from 'vitest'
import { mayUseProxy } from '../../../../src/client/connection/proxy.js'
import { readTcpAddress, type TcpAddress } from '../../../../src/net/address.js'

const server = (text: string) => readTcpAddress(text) as TcpAddress

describe('the way to a server', () => {
  it.each([
    ...['127.0.0.1:1', '127.1.2.3:1', 'localhost:1', '[::1]:1'],
    ...['LOCALHOST:1', 'localhost.:1', '0.0.0.0:1', '[::]:1', '[0::0]:1', '[::ffff:127.0.0.1]:1'],
  ])('never leads through a proxy to this machine: %s', (address) =>
    expect(mayUseProxy(server(address), {})).toBe(false),
  )

  it.each([
    ['*', 'a.example:1'],
    ['*', '10.0.0.1:1'],
    ['a.example', 'a.example:1'],
    ['A.Example', 'a.EXAMPLE:1'],
    ['a.example', 'a.example.:1'],
    ['example', 'a.example:1'],
    ['.example', 'a.example:1'],
    ['*.example', 'a.example:1'],
    ['a.example:1', 'a.example:1'],
    ['b.example, a.example', 'a.example:1'],
    ['b.example a.example', 'a.example:1'],
    ['10.0.0.1', '10.0.0.1:1'],
    ['10.0.0.1:1', '10.0.0.1:1'],
    ['10.0.0.0/8', '10.1.2.3:1'],
    ['2001:db8::1', '[2001:db8:0::1]:1'],
    ['[2001:db8::1]', '[2001:db8::1]:1'],
    ['[2001:db8::1]:1', '[2001:db8::1]:1'],
    ['2001:db8::/32', '[2001:db8::1]:1'],
  ])('leads past the proxy where NO_PROXY is %j, to %s', (exceptions, address) => {
    for (const name of ['no_proxy', 'NO_PROXY', 'no_grpc_proxy']) {
      expect(mayUseProxy(server(address), { [name]: exceptions })).toBe(false)
    }
  })

  it.each([
    ['', 'a.example:1'],
    [' , ', 'a.example:1'],
    ['.', 'a.example:1'],
    ['b.example', 'a.example:1'],
    ['ample', 'a.example:1'],
    ['a.example:2', 'a.example:1'],
    ['a.example.net', 'a.example:1'],
    ['0.0.1', '10.0.0.1:1'],
    ['10.0.0.0/33', '10.0.0.1:1'],
    ['10.0.0.1:2', '10.0.0.1:1'],
    ['11.0.0.0/8', '10.1.2.3:1'],
    ['10.0.0.0/8', 'a10.1.2.3.example:1'],
    ['2001:db9::/32', '[2001:db8::1]:1'],
  ])('may lead through it where NO_PROXY is %j, to %s', (NO_PROXY, address) =>
    expect(mayUseProxy(server(address), { NO_PROXY })).toBe(true),
  )

  it('goes by the variable that is closest to gRPC', () => {
    const env = { no_grpc_proxy: 'a.example', no_proxy: 'b.example', NO_PROXY: 'c.example' }
    expect(mayUseProxy(server('a.example:1'), env)).toBe(false)
    expect(mayUseProxy(server('b.example:1'), env)).toBe(true)
  })
})
