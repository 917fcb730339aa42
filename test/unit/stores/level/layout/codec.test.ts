import { describe, expect, it } from 'vitest'
import {
  decodeAnswer,
  decodeSession,
  encodeAnswer,
  encodeSession,
} from '../../../../../src/stores/level/layout/codec.js'
import { commandSession } from '../../../../support/store-sessions.js'

const session = commandSession('id', { userId: 'u', address: 'a', client: 'c' })
const answer = { sessionId: 'id', bodySha256: new Uint8Array(32).fill(7), expiresTimeMs: 5 }

describe('an encoded record', () => {
  it('keeps its bytes when the next is encoded', () => {
    const [record, entry] = [encodeSession(session), encodeAnswer(answer)]
    encodeSession({ ...session, id: 'another', userId: 'someone else' })
    expect(decodeSession(record)).toEqual(session)
    expect(decodeAnswer(entry)).toEqual(answer)
  })

  it('is the same after one that could not be encoded', () => {
    const before = encodeSession(session)
    expect(() => encodeSession({ ...session, openTimeMs: -1 })).toThrow()
    expect(encodeSession(session)).toEqual(before)
  })

  it('is the same after one that is far longer', () => {
    const before = encodeSession(session)
    const data = JSON.stringify('x'.repeat(100_000))
    expect(decodeSession(encodeSession({ ...session, data })).data).toBe(data)
    expect(encodeSession(session)).toEqual(before)
  })
})
