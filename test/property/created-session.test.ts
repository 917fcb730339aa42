import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CreatedSession } from '../../src/client/created-session.js'
import { SessiondError } from '../../src/core/errors.js'

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const epoch = fc.bigInt(0n, 2n ** 64n - 1n)
const session = fc
  .record({
    id: fc.uuid(),
    publicKey: key,
    owner: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    lifetime: fc.record({ exp: epoch, nbf: epoch, iat: epoch }),
    serverKey: key,
  })
  .map((parts) => new CreatedSession(parts))

it('a created session comes back from JSON as it was, whatever its bytes and epochs', () => {
  fc.assert(
    fc.property(session, (created) => {
      expect(CreatedSession.fromJson(JSON.parse(JSON.stringify(created)))).toEqual(created)
    }),
  )
})

it('JSON that is no created session is an error of ours, or says the same again', () => {
  const names = ['id', 'publicKey', 'owner', 'lifetime', 'serverKey', 'exp']
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f]{0,70}$/), fc.constant('7'))
  const damaged = fc
    .tuple(session, fc.constantFrom(...names), fc.oneof(fc.jsonValue(), text))
    .map(([created, name, value]) => {
      const json = JSON.parse(JSON.stringify(created))
      return { ...json, [name]: value, lifetime: { ...json.lifetime, [name]: value } }
    })
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), damaged), (json) => {
      let read: CreatedSession
      try {
        read = CreatedSession.fromJson(json)
      } catch (error) {
        expect(error).toBeInstanceOf(SessiondError)
        return
      }
      expect(CreatedSession.fromJson(JSON.parse(JSON.stringify(read)))).toEqual(read)
    }),
  )
})
