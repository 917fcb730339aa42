import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { ownersReader } from '../../../src/credentials/owners-file.js'
import { publicKeyFromText } from '../../../src/crypto/public-key.js'
import { newOwner } from '../../support/create.js'
import { temporaryDirectory } from '../../support/process.js'

const newKey = () => Buffer.from(newOwner().publicKey).toString('hex')

it('checks a key when it is first read, and again only after it was gone', async () => {
  const file = join(await temporaryDirectory(onTestFinished), 'owners.json')
  const [a, b] = [newKey(), newKey()]
  const check = vi.fn(publicKeyFromText)
  const read = ownersReader(file, check)
  const checkedOf = async (owners: object) => {
    check.mockClear()
    await writeFile(file, JSON.stringify(owners))
    expect(read().size).toBe(Object.keys(owners).length)
    return check.mock.calls.map(([text]) => text)
  }
  expect(await checkedOf({ alice: a })).toEqual([a])
  expect(await checkedOf({ alice: a, bob: [a, b] })).toEqual([b])
  expect(await checkedOf({ bob: b })).toEqual([])
  expect(await checkedOf({ alice: a, bob: b })).toEqual([a])
  await expect(checkedOf({ bob: 'none' })).rejects.toThrow('is not a public key')
  expect(await checkedOf({ alice: a })).toEqual([])
})
