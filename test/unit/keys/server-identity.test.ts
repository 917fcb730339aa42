import { chmod, link, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hex } from '@scure/base'
import { expect, it, onTestFinished, vi } from 'vitest'
import { readConfig } from '../../../src/config/config.js'
import {
  InputFileError,
  KeyChangeError,
  KeyUntoldError,
  StoreMismatchError,
} from '../../../src/core/errors.js'
import {
  generateKey,
  ownerIdOf,
  privateKeyFromPem,
  privateKeyToPem,
} from '../../../src/crypto/keys.js'
import { syncDirectory } from '../../../src/files/directory.js'
import { KeyTrail } from '../../../src/keys/key-trail.js'
import { ServerIdentity } from '../../../src/keys/server-identity.js'
import { openServerKeys } from '../../../src/keys/server-keys.js'
import { MemoryStore } from '../../support/memory-store.js'
import { temporaryDirectory } from '../../support/process.js'
import { sharedKeys } from '../../support/shared-keys.js'
import { ended, insert, tokenSession } from '../../support/store-sessions.js'

async function newIdentity() {
  const directory = await temporaryDirectory(onTestFinished)
  const file = join(directory, 'identity.pem')
  const identity = await ServerIdentity.open(file, true)
  return { directory, file, identity, next: join(directory, 'identity-next.pem') }
}

const keyIn = async (file: string) =>
  ownerIdOf(privateKeyFromPem(await readFile(file, 'utf8'), file))
const previousOf = (file: string, key: Uint8Array) =>
  file.replace('.pem', `-previous-${hex.encode(key).slice(0, 16)}.pem`)

it('a next identity is announced beside the current one, and stays so after a restart', async () => {
  const { file, identity, next } = await newIdentity()
  const current = identity.current.publicKey
  expect(identity.next).toBeNull()
  await identity.announce()
  expect(identity.current.publicKey).toEqual(current)
  expect(identity.next?.publicKey).toEqual(await keyIn(next))
  expect((await stat(next)).mode & 0o777).toBe(0o600)
  const again = await ServerIdentity.open(file, false)
  expect(again.next?.publicKey).toEqual(identity.next?.publicKey)
  expect(again.current.publicKey).toEqual(current)
})

it('announced twice, or twice at once, it is the same', async () => {
  const { directory, identity, next } = await newIdentity()
  await Promise.all([identity.announce(), identity.announce()])
  const key = await keyIn(next)
  await identity.announce()
  expect(identity.next?.publicKey).toEqual(key)
  expect((await readdir(directory)).sort()).toEqual(['identity-next.pem', 'identity.pem'])
})

it('is not announced as the next one of itself where it is activated meanwhile', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  const store = sharedKeys()
  const trail = new KeyTrail(store)
  const identity = await ServerIdentity.open(join(directory, 'identity.pem'), true, trail)
  await identity.announce()
  const announced = identity.next?.publicKey as Uint8Array
  const activated = vi.spyOn(trail, 'activated')
  const tell = trail.announced.bind(trail)
  let activating = Promise.resolve()
  vi.spyOn(trail, 'announced').mockImplementation(async (...told) => {
    activating = identity.activate()
    // An activation that would not wait waits for the disk a few times.
    for (let i = 0; i < 50 && activated.mock.calls.length === 0; i++) {
      await syncDirectory(directory)
    }
    await tell(...told)
  })
  await identity.announce()
  await activating
  expect(identity.current.publicKey).toEqual(announced)
  expect(identity.next).toBeNull()
  expect(store.known()).toMatchObject({ identity: hex.encode(announced), nextIdentity: null })
})

it('a next identity that lies there already is announced, not replaced', async () => {
  const { identity, next } = await newIdentity()
  const key = generateKey('ed25519')
  await writeFile(next, privateKeyToPem(key), { mode: 0o600 })
  await identity.announce()
  expect(identity.next?.publicKey).toEqual(ownerIdOf(key))
})

it('activated it signs, and the old one is kept', async () => {
  const { directory, file, identity } = await newIdentity()
  const old = identity.current.publicKey
  await identity.announce()
  const announced = identity.next?.publicKey
  await identity.activate()
  expect(identity.current.publicKey).toEqual(announced)
  expect(identity.next).toBeNull()
  expect(await keyIn(file)).toEqual(announced)
  expect(await keyIn(previousOf(file, old))).toEqual(old)
  expect(await readdir(directory)).toHaveLength(2)
  for (const name of await readdir(directory)) {
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600)
  }
  const again = await ServerIdentity.open(file, false)
  expect(again.current.publicKey).toEqual(announced)
  expect(again.next).toBeNull()
})

it('a crash at any point of the activation leaves one of the two in place, and both on disk', async () => {
  // The two steps that it takes on disk: keep the old one under another name, rename the next one.
  for (const stepsDone of [0, 1, 2]) {
    const { file, identity, next } = await newIdentity()
    await identity.announce()
    const [old, announced] = [identity.current.publicKey, await keyIn(next)]
    if (stepsDone > 0) {
      await link(file, previousOf(file, old))
    }
    if (stepsDone > 1) {
      await rename(next, file)
    }
    const again = await ServerIdentity.open(file, false)
    expect(again.current.publicKey).toEqual(stepsDone > 1 ? announced : old)
    expect(again.next?.publicKey).toEqual(stepsDone > 1 ? undefined : announced)
    if (stepsDone <= 1) {
      await again.activate()
    }
    expect(again.current.publicKey).toEqual(announced)
    expect(await keyIn(previousOf(file, old))).toEqual(old)
  }
})

it.each<[string, (files: { file: string; next: string }) => Promise<unknown>, RegExp]>([
  ['the identity is read-only', ({ file }) => chmod(file, 0o400), /identity\.pem: .*read-only/],
  ['the identity was replaced', ({ file }) => replaceKey(file), /identity\.pem no longer holds/],
  [
    'the next one was replaced',
    ({ next }) => replaceKey(next),
    /identity-next\.pem no longer holds/,
  ],
  ['the next one is missing', ({ next }) => rm(next), /identity-next\.pem no longer holds/],
  ['the next one is damaged', ({ next }) => writeFile(next, 'x'), /identity-next\.pem: holds no/],
])('where %s the current one stays in force', async (_, spoil, message) => {
  const { file, identity, next } = await newIdentity()
  await identity.announce()
  const { current } = identity
  await spoil({ file, next })
  const attempt = identity.activate()
  await expect(attempt).rejects.toThrow(KeyChangeError)
  await expect(attempt).rejects.toThrow(message)
  expect(identity.current).toBe(current)
  expect(identity.next).not.toBeNull()
})

it('is not announced where it could not be activated', async () => {
  const { directory, file, identity } = await newIdentity()
  await chmod(file, 0o400)
  await expect(identity.announce()).rejects.toThrow(/read-only.*change the key where it is managed/)
  expect(await readdir(directory)).toEqual(['identity.pem'])
})

it('without one that is announced there is nothing to activate', async () => {
  const { file, identity } = await newIdentity()
  await expect(identity.activate()).rejects.toThrow(/announce one, and give clients time/)
  expect(await readdir(dirname(file))).toEqual(['identity.pem'])
})

it('a next identity of another type stops the start', async () => {
  const { file, next } = await newIdentity()
  await writeFile(next, privateKeyToPem(generateKey('p256')))
  await expect(ServerIdentity.open(file, false)).rejects.toThrow(InputFileError)
})

it('a missing identity is made anew only where the store has no session, not even one that has ended', async () => {
  const dataDir = await temporaryDirectory(onTestFinished)
  const config = readConfig({ flags: { 'data-dir': dataDir }, env: {} })
  const store = new MemoryStore()
  const first = await openServerKeys(config, store)
  await insert(store, ended(tokenSession('a')))
  await rm(config.identityKey)
  await expect(openServerKeys(config, store)).rejects.toThrow(StoreMismatchError)
  await store.remove('a', () => true)
  const { identity } = await openServerKeys(config, store)
  expect(identity.current.publicKey).not.toEqual(first.identity.current.publicKey)

  // Nothing is sealed with these any more.
  await insert(store, ended(tokenSession('b')))
  await rm(config.sealingKeys)
  await expect(openServerKeys(config, store)).resolves.toBeDefined()
})

async function replaceKey(file: string): Promise<void> {
  await writeFile(file, privateKeyToPem(generateKey('ed25519')))
}

it('two servers with the same files announce one identity, and follow each other to it', async () => {
  const { file, identity } = await newIdentity()
  const other = await ServerIdentity.open(file, false)
  await identity.announce()
  await other.announce()
  const next = identity.next?.publicKey
  expect(other.next?.publicKey).toEqual(next)
  await identity.activate()
  await other.activate()
  expect(other.current.publicKey).toEqual(next)
  expect(other.next).toBeNull()
})

it('a server whose file was replaced by another key does not follow it', async () => {
  const { file, identity } = await newIdentity()
  const { file: foreign } = await newIdentity()
  await identity.announce()
  await rename(foreign, file)
  await expect(identity.activate()).rejects.toThrow(/no longer holds/)
})

it('a server makes no next identity where another server, with files of its own, announced one', async () => {
  const elsewhere = hex.encode(new Uint8Array(32).fill(9))
  const known = { identity: '', nextIdentity: elsewhere, earlierIdentities: [], sealing: {} }
  const trail = new KeyTrail({ agreeOnKeys: async (change) => change(known) })
  const directory = await temporaryDirectory(onTestFinished)
  const identity = await ServerIdentity.open(join(directory, 'identity.pem'), true, trail)
  await expect(identity.announce()).rejects.toThrow(new RegExp(elsewhere))
  expect(await readdir(directory)).toEqual(['identity.pem'])
})

it('says that the new key signs where the store could not be told, and tells it when it is activated again', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  const store = sharedKeys()
  const trail = new KeyTrail(store)
  const identity = await ServerIdentity.open(join(directory, 'identity.pem'), true, trail)
  const former = identity.current.publicKey
  await identity.announce()
  const next = identity.next?.publicKey as Uint8Array
  store.isAway(true)
  const attempt = identity.activate()
  await expect(attempt).rejects.toThrow(KeyUntoldError)
  await expect(attempt).rejects.toThrow(
    new RegExp(
      `^the server signs with the new key ${hex.encode(next)}, but .*gone.*activate again`,
    ),
  )
  await expect(identity.announce()).rejects.toThrow(KeyUntoldError)
  expect(identity.current.publicKey).toEqual(next)
  expect(store.known().nextIdentity).toBe(hex.encode(next))
  store.isAway(false)
  await identity.activate()
  expect(identity.current.publicKey).toEqual(next)
  expect(store.known()).toMatchObject({
    identity: hex.encode(next),
    nextIdentity: null,
    earlierIdentities: [hex.encode(former)],
  })
})
