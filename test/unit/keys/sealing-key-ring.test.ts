import { randomBytes } from 'node:crypto'
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { base64 } from '@scure/base'
import { expect, it, onTestFinished } from 'vitest'
import {
  InputFileError,
  KeyChangeError,
  KeyUntoldError,
  StoreMismatchError,
} from '../../../src/core/errors.js'
import { openSeal, sealSeed } from '../../../src/crypto/seal.js'
import { KeyTrail } from '../../../src/keys/key-trail.js'
import { SealingKeyRing } from '../../../src/keys/sealing-key-ring.js'
import { sealingKeysFromJson } from '../../../src/keys/sealing-keys.js'
import { temporaryDirectory } from '../../support/process.js'
import { sharedKeys } from '../../support/shared-keys.js'

const SEED = new Uint8Array(32).fill(5)
const BINDING = {
  owner: Uint8Array.of(1),
  lifetime: { exp: 3n, nbf: 2n, iat: 1n },
  publicKey: new Uint8Array(32),
}

async function newRing() {
  const file = join(await temporaryDirectory(onTestFinished), 'sealing-keys.json')
  return { file, ring: await SealingKeyRing.open(file, true) }
}

const idsOf = (ring: SealingKeyRing) => [...ring.keys.keys.keys()].sort()
const textOf = (file: string) => readFile(file, 'utf8')

it('a new key seals at once, older ones still open, also after a restart', async () => {
  const { file, ring } = await newRing()
  const first = ring.keys.current
  const sealed = sealSeed(ring.keys, SEED, 'id', BINDING)
  const second = await ring.rotate()
  expect(ring.keys.current).toBe(second)
  expect(idsOf(ring)).toEqual([first, second].sort())
  expect(openSeal(ring.keys, sealed, 'id', BINDING)).toEqual(SEED)
  const again = await SealingKeyRing.open(file, false)
  expect(again.keys).toEqual(ring.keys)
})

it('a missing file is not made anew while seals need it', async () => {
  const { file } = await newRing()
  await rm(file)
  await expect(SealingKeyRing.open(file, false)).rejects.toThrow(StoreMismatchError)
  expect(await readdir(dirname(file))).toEqual([])
})

it('a file that cannot be read is not taken for a missing one', async () => {
  const { file } = await newRing()
  await rm(file)
  await mkdir(file)
  await expect(SealingKeyRing.open(file, true)).rejects.toThrow(InputFileError)
})

it('the file stays readable by its owner alone, with nothing left beside it', async () => {
  const { file, ring } = await newRing()
  await ring.rotate()
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await readdir(dirname(file))).toEqual(['sealing-keys.json'])
})

it('whatever else stands in the file is kept, keys that were added since among it', async () => {
  const { file, ring } = await newRing()
  const added = base64.encode(randomBytes(32))
  const shape = JSON.parse(await textOf(file))
  const edited = { note: 'ours', ...shape, keys: { ...shape.keys, added } }
  await writeFile(file, JSON.stringify(edited))
  const key = await ring.rotate()
  const now = JSON.parse(await textOf(file))
  expect(now).toMatchObject({ note: 'ours', current: key, keys: edited.keys })
  expect(idsOf(ring)).toEqual([...Object.keys(edited.keys), key].sort())
})

it('rotations at once come one after another, and no key is lost', async () => {
  const { file, ring } = await newRing()
  const first = ring.keys.current
  const made = await Promise.all(Array.from({ length: 5 }, () => ring.rotate()))
  expect(new Set(made).size).toBe(5)
  const { current, keys } = sealingKeysFromJson(await textOf(file), file)
  expect(current).toBe(made.at(-1))
  expect(idsOf(ring)).toEqual([first, ...made].sort())
  expect(ring.keys).toEqual({ current, keys })
})

it.each<[string, (file: string) => Promise<void>, RegExp]>([
  [
    'is read-only',
    (file) => chmod(file, 0o400),
    /is read-only, so it is not replaced: make it a file that the server/,
  ],
  [
    'is a symbolic link',
    async (file) => {
      await rename(file, `${file}.real`)
      await symlink(`${file}.real`, file)
    },
    /is a symbolic link, .*add a key to it where it is managed and restart/,
  ],
  ['is missing', (file) => rm(file), /is missing: restore it/],
  ['is damaged', (file) => writeFile(file, '{'), /is not JSON/],
  [
    'holds other keys',
    async (file) => {
      await rm(file)
      await SealingKeyRing.open(file, true)
    },
    /no longer holds the key [0-9a-f]{8}: restore it/,
  ],
  [
    'holds another key of the same id',
    async (file) => {
      const { current } = JSON.parse(await textOf(file))
      const keys = { [current]: base64.encode(randomBytes(32)) }
      await writeFile(file, JSON.stringify({ current, keys }))
    },
    /no longer holds the key/,
  ],
])('where the file %s the old key stays in force', async (_, spoil, message) => {
  const { file, ring } = await newRing()
  const { keys } = ring
  await spoil(file)
  const before = await textOf(file).catch(() => null)
  const attempt = ring.rotate()
  await expect(attempt).rejects.toThrow(KeyChangeError)
  await expect(attempt).rejects.toThrow(message)
  await expect(attempt).rejects.toThrow(/^the key in force stays: /)
  expect(ring.keys).toBe(keys)
  expect(await textOf(file).catch(() => null)).toBe(before)
})

it('a rotation goes on after one that failed', async () => {
  const { file, ring } = await newRing()
  await chmod(file, 0o400)
  await expect(ring.rotate()).rejects.toThrow(KeyChangeError)
  await chmod(file, 0o600)
  expect(await ring.rotate()).toBe(ring.keys.current)
})

it('a key that another server added to the file opens its seals, and seals from then on', async () => {
  const { file, ring } = await newRing()
  const other = await SealingKeyRing.open(file, false)
  const added = await other.rotate()
  const sealed = sealSeed(other.keys, SEED, 'id', BINDING)
  expect(() => openSeal(ring.keys, sealed, 'id', BINDING)).toThrow()
  expect(openSeal(ring.knowing(sealed), sealed, 'id', BINDING)).toEqual(SEED)
  expect(ring.keys.current).toBe(added)
})

it('a key that another server added is told of, also where a seal brought it first', async () => {
  const { file, ring } = await newRing()
  const told = new Promise((resolve) => {
    onTestFinished(ring.follow(resolve))
  })
  const other = await SealingKeyRing.open(file, false)
  const added = await other.rotate()
  ring.knowing(sealSeed(other.keys, SEED, 'id', BINDING))
  await expect(told).resolves.toMatchObject({ value: { current: added } })
})

it('the store is told of a key that was added to the file by hand', async () => {
  const { file } = await newRing()
  const store = sharedKeys()
  const ring = await SealingKeyRing.open(file, false, new KeyTrail(store))
  onTestFinished(ring.follow(() => {}))
  const byHand = await SealingKeyRing.open(file, false)
  const added = await byHand.rotate()
  await expect.poll(() => Object.keys(store.known().sealing)).toEqual([added])
})

it('a key that the store could not be told of, and that is gone from the file, keeps no other from it', async () => {
  const { file } = await newRing()
  const store = sharedKeys()
  const ring = await SealingKeyRing.open(file, false, new KeyTrail(store))
  store.isAway(true)
  await expect(ring.rotate()).rejects.toThrow(KeyUntoldError)
  const untold = ring.keys.current
  await expect(ring.rotate()).rejects.toThrow(KeyUntoldError)
  store.isAway(false)
  const { keys, ...rest } = JSON.parse(await textOf(file))
  const { [untold]: _, ...left } = keys
  await writeFile(file, JSON.stringify({ ...rest, keys: left }))
  const third = await ring.rotate()
  expect(Object.keys(store.known().sealing)).toContain(third)
})

it('a file that lost the key in force is not adopted for a seal', async () => {
  const { file, ring } = await newRing()
  const { ring: foreign, file: elsewhere } = await newRing()
  const sealed = sealSeed(foreign.keys, SEED, 'id', BINDING)
  await rename(elsewhere, file)
  const before = ring.keys
  expect(ring.knowing(sealed)).toBe(before)
})

it('says that the new key seals where the store could not be told, and tells it with the next one', async () => {
  const file = join(await temporaryDirectory(onTestFinished), 'sealing-keys.json')
  const store = sharedKeys()
  const ring = await SealingKeyRing.open(file, true, new KeyTrail(store))
  store.isAway(true)
  const attempt = ring.rotate()
  await expect(attempt).rejects.toThrow(KeyUntoldError)
  const second = ring.keys.current
  await expect(attempt).rejects.toThrow(
    new RegExp(`^the server seals with the new key ${second}, but .*gone.*--reseal-only`),
  )
  expect(sealingKeysFromJson(await textOf(file), file).current).toBe(second)
  expect(store.known().sealing).toEqual({})
  store.isAway(false)
  const third = await ring.rotate()
  expect(Object.keys(store.known().sealing).sort()).toEqual([second, third].sort())
  const fourth = await ring.rotate()
  await ring.resealed()
  expect(Object.keys(store.known().sealing)).toEqual([fourth])
})
