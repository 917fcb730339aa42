import { describe, expect, it } from 'vitest'
import {
  reseal,
  rotateIdentity,
  rotateSealingKey,
} from '../../../../src/client/admin/rotate-keys.js'
import { StoreUnavailableError } from '../../../../src/core/errors.js'
import { all, IDENTITIES, serveAdmin } from '../../../support/admin-service.js'

const [current, next] = IDENTITIES

/** A server that notes what it is asked to do with its identity. */
async function serve(next: (typeof IDENTITIES)[number] | null) {
  const asked: string[] = []
  const note = (what: string) => async () => void asked.push(what)
  const identity = { current, next, announce: note('announce'), activate: note('activate') }
  return { ...(await serveAdmin({ identity })), asked }
}

describe('rotateIdentity', () => {
  it('announces the next key, and tells both', async () => {
    const { admin, asked } = await serve(next)
    expect(await rotateIdentity(admin, 'announce')).toEqual({
      identity: Uint8Array.from(current.publicKey),
      nextIdentity: Uint8Array.from(next.publicKey),
    })
    expect(asked).toEqual(['announce'])
  })

  it('activates it, after which none is announced', async () => {
    const { admin, asked } = await serve(null)
    expect(await rotateIdentity(admin, 'activate')).toEqual({
      identity: Uint8Array.from(current.publicKey),
      nextIdentity: null,
    })
    expect(asked).toEqual(['activate'])
  })
})

it('rotateSealingKey returns the id of the new key', async () => {
  expect(await rotateSealingKey((await serveAdmin()).admin)).toBe('k2')
})

it('rotateSealingKey is not tried again where the server may have made a key', async () => {
  let calls = 0
  const { admin } = await serveAdmin({
    rotateSealingKey: async () => {
      calls++
      throw new StoreUnavailableError('lost')
    },
  })
  const retry = { attempts: 2 }
  await expect(rotateSealingKey(admin, { retry })).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
  })
  expect(calls).toBe(1)
})

it('reseal tells how far it is, and which seals do not open', async () => {
  const step = { checked: 3, resealed: 1, failed: 1, newlyFailedIds: ['s1'], total: 4 }
  const { admin } = await serveAdmin({
    resealAll: async function* () {
      yield step
    },
  })
  expect(await all(reseal(admin))).toEqual([step])
})
