import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  type ConnectionFlags,
  usesTls,
  withTokenVariable,
} from '../../../../src/cli/connection/server-connection.js'

afterEach(() => vi.unstubAllEnvs())

describe('SESSIOND_ADMIN_TOKEN_FILE', () => {
  it.each([
    ['a server on this machine', '127.0.0.1:8090', 'elsewhere:1', 'token'],
    ['a server on a Unix socket', 'unix:/run/s.sock', 'elsewhere:1', 'token'],
    ['the server of SESSIOND_SERVER', 'elsewhere:1', 'elsewhere:1', 'token'],
    ['any other server', 'other:1', 'elsewhere:1', undefined],
  ])('for %s', (_, server, named, file) => {
    vi.stubEnv('SESSIOND_ADMIN_TOKEN_FILE', 'token')
    vi.stubEnv('SESSIOND_SERVER', named)
    const flags: ConnectionFlags & { server: string } = { server }
    expect(withTokenVariable(flags).adminTokenFile).toBe(file)
  })

  it('gives way to the option', () => {
    vi.stubEnv('SESSIOND_ADMIN_TOKEN_FILE', 'token')
    const flags = { server: '127.0.0.1:1', adminTokenFile: 'mine' }
    expect(withTokenVariable(flags).adminTokenFile).toBe('mine')
  })
})

describe('SESSIOND_TLS', () => {
  it.each([
    ['yes', {}, true],
    ['no', {}, false],
    ['no', { tls: true }, true],
    ['no', { tlsCa: 'ca.pem' }, true],
  ])('%s with the options %j', (variable, flags, expected) => {
    vi.stubEnv('SESSIOND_TLS', variable)
    expect(usesTls(flags)).toBe(expected)
  })

  it('is yes or no', () => {
    vi.stubEnv('SESSIOND_TLS', '1')
    expect(() => usesTls({})).toThrow('SESSIOND_TLS: "1" is not one of: yes, no')
  })
})
