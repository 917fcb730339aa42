import { describe, expect, it } from 'vitest'
import { CreatedSession } from '../../../src/client/created-session.js'

const SESSION = new CreatedSession({
  id: '00112233-4455-4677-8899-aabbccddeeff',
  publicKey: new Uint8Array(32).fill(7),
  owner: Uint8Array.from(Buffer.from('alice')),
  lifetime: { exp: 2n ** 64n - 1n, nbf: 0n, iat: 1_800_000_000n },
  serverKey: new Uint8Array(32).fill(9),
})

describe('a created session', () => {
  it('is JSON that people can read', () => {
    expect(JSON.parse(JSON.stringify({ session: SESSION }))).toEqual({
      session: {
        id: '00112233-4455-4677-8899-aabbccddeeff',
        publicKey: '07'.repeat(32),
        owner: 'BzWHaQU',
        lifetime: { exp: '18446744073709551615', nbf: '0', iat: '1800000000' },
        serverKey: '09'.repeat(32),
      },
    })
  })

  it('comes back from JSON as it was', () => {
    const read = CreatedSession.fromJson(JSON.parse(JSON.stringify(SESSION)))
    expect(read).toBeInstanceOf(CreatedSession)
    expect(read).toEqual(SESSION)
  })

  const json = SESSION.toJSON()
  it.each<[string, unknown]>([
    ['id', null],
    ['id', 'a text'],
    ['id', 7],
    ['id', {}],
    ['id', { ...json, id: '' }],
    ['publicKey', { ...json, publicKey: json.publicKey.slice(2) }],
    ['publicKey', { ...json, publicKey: `zz${json.publicKey.slice(2)}` }],
    ['owner', { ...json, owner: '0OIl' }],
    ['owner', { ...json, owner: '1'.repeat(65) }],
    ['owner', { ...json, owner: '1'.repeat(100_000) }],
    ['lifetime.exp', { ...json, lifetime: undefined }],
    ['lifetime.nbf', { ...json, lifetime: { ...json.lifetime, nbf: '-1' } }],
    ['lifetime.iat', { ...json, lifetime: { ...json.lifetime, iat: 1 } }],
    ['serverKey', { ...json, serverKey: [9] }],
  ])('is not read where its %s is wrong: %j', (field, wrong) => {
    expect(() => CreatedSession.fromJson(wrong)).toThrow(
      expect.objectContaining({ code: 'MALFORMED', field }),
    )
  })
})
