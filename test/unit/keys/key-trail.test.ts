import { hex } from '@scure/base'
import { expect, it } from 'vitest'
import { KeyChangeError, StoreMismatchError } from '../../../src/core/errors.js'
import { type JoiningKeys, KeyTrail } from '../../../src/keys/key-trail.js'
import { sharedKeys } from '../../support/shared-keys.js'

const identity = (byte: number) => new Uint8Array(32).fill(byte)
const ring = (keys: Record<string, number>, current = Object.keys(keys).at(-1) as string) => ({
  current,
  keys: new Map(Object.entries(keys).map(([id, byte]) => [id, new Uint8Array(32).fill(byte)])),
})
const keysWith = (parts: Partial<JoiningKeys>): JoiningKeys => ({
  identity: identity(1),
  nextIdentity: null,
  identityFile: 'identity.pem',
  sealing: ring({ a: 10 }),
  sealingFile: 'sealing-keys.json',
  ...parts,
})

it('a server with the keys of the first one joins, and no secret is kept', async () => {
  const store = sharedKeys()
  expect(await new KeyTrail(store).join(keysWith({}))).toEqual([])
  expect(await new KeyTrail(store).join(keysWith({}))).toEqual([])
  const { sealing, ...identities } = store.known()
  expect(identities).toEqual({
    identity: hex.encode(identity(1)),
    nextIdentity: null,
    earlierIdentities: [],
  })
  expect(sealing).toEqual({ a: expect.stringMatching(/^[0-9a-f]{32}$/) })
  const secret = hex.encode(new Uint8Array(32).fill(10))
  expect(JSON.stringify(sealing)).not.toContain(secret.slice(0, 8))
})

it.each<[string, Partial<JoiningKeys>, RegExp]>([
  [
    'another identity',
    { identity: identity(2) },
    /^identity\.pem holds the key 0202.*sign with 0101/,
  ],
  ['none of the sealing keys', { sealing: ring({ b: 11 }) }, /none of the keys.*\ba\b/],
  [
    'another key under the same id',
    { sealing: ring({ a: 12 }) },
    /the key a in sealing-keys\.json/,
  ],
])('a server with %s is refused, and told what differs', async (_, parts, message) => {
  const store = sharedKeys()
  await new KeyTrail(store).join(keysWith({}))
  const before = store.known()
  const attempt = new KeyTrail(store).join(keysWith(parts))
  await expect(attempt).rejects.toThrow(StoreMismatchError)
  await expect(attempt).rejects.toThrow(message)
  expect(store.known()).toEqual(before)
})

it('a server that lacks a key is told which, until everything was sealed again', async () => {
  const store = sharedKeys()
  const first = new KeyTrail(store)
  await first.join(keysWith({}))
  const both = ring({ a: 10, b: 11 })
  await first.sealsWith(both, ['b'])
  expect(await new KeyTrail(store).join(keysWith({}))).toEqual(['b'])
  expect(await new KeyTrail(store).join(keysWith({ sealing: both }))).toEqual([])
  await first.resealed(both)
  expect(Object.keys(store.known().sealing)).toEqual(['b'])
  expect(await new KeyTrail(store).join(keysWith({ sealing: ring({ b: 11 }) }))).toEqual([])
})

it('an identity is announced once for all servers, and follows for all', async () => {
  const store = sharedKeys()
  const [one, other] = [new KeyTrail(store), new KeyTrail(store)]
  await one.join(keysWith({}))
  await one.announced(identity(2), 'identity-next.pem')
  await other.announced(identity(2), 'identity-next.pem')
  const attempt = other.announced(identity(3), 'identity-next.pem')
  await expect(attempt).rejects.toThrow(KeyChangeError)
  await expect(attempt).rejects.toThrow(/0202.*identity-next\.pem/)

  await one.activated(identity(2), identity(1))
  await other.activated(identity(2), identity(1))
  expect(store.known()).toMatchObject({
    identity: hex.encode(identity(2)),
    nextIdentity: null,
    earlierIdentities: [hex.encode(identity(1))],
  })
  await expect(new KeyTrail(store).join(keysWith({}))).rejects.toThrow(
    /which another one has followed/,
  )
  await new KeyTrail(store).join(keysWith({ identity: identity(2) }))
})

it('a server that starts with the announced identity activates it', async () => {
  const store = sharedKeys()
  await new KeyTrail(store).join(keysWith({ nextIdentity: identity(2) }))
  await new KeyTrail(store).join(keysWith({ identity: identity(2) }))
  expect(store.known()).toMatchObject({ identity: hex.encode(identity(2)), nextIdentity: null })
})

it('a server whose next identity is not the announced one is refused', async () => {
  const store = sharedKeys()
  await new KeyTrail(store).join(keysWith({ nextIdentity: identity(2) }))
  await expect(new KeyTrail(store).join(keysWith({ nextIdentity: identity(3) }))).rejects.toThrow(
    /0303.*0202/s,
  )
})

it('a store of one server alone remembers nothing', async () => {
  const trail = new KeyTrail({})
  expect(await trail.known()).toBeNull()
  expect(await trail.join(keysWith({}))).toEqual([])
})
