import { describe, expect, it } from 'vitest'
import { checkClaim } from '../../../../src/core/create/claim.js'
import { claimAt, START_MS } from '../../../support/sessions.js'

describe('a claim', () => {
  const claim = claimAt(START_MS, 60)

  it.each([
    ['an owner of 64 bytes', { owner: new Uint8Array(64) }],
    ['an idempotency key of 1 byte', { idempotencyKey: 'k' }],
    ['an idempotency key of 128 bytes', { idempotencyKey: 'é'.repeat(64) }],
    ['a client of 1,024 bytes', { client: 'é'.repeat(512) }],
    ['no client', { client: '' }],
  ])('may have %s', (_, parts) => {
    expect(() => checkClaim({ ...claim, ...parts })).not.toThrow()
  })

  it.each([
    ['body.owner_id.value', 'an owner of 65 bytes', { owner: new Uint8Array(65) }],
    ['path', 'an empty idempotency key', { idempotencyKey: '' }],
    ['path', 'an idempotency key of 129 bytes', { idempotencyKey: `k${'é'.repeat(64)}` }],
    ['path', 'a client of 1,025 bytes', { client: `c${'é'.repeat(512)}` }],
  ])('is refused at %s where it has %s', (field, _, parts) => {
    expect(() => checkClaim({ ...claim, xHeadersPath: 'path', ...parts })).toThrow(
      expect.objectContaining({ code: 'INVALID_FIELD', field }),
    )
  })
})
