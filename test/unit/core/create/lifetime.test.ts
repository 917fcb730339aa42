import { describe, expect, it } from 'vitest'
import { checkFreshness, checkLifetime } from '../../../../src/core/create/lifetime.js'
import { EpochDriftError, LifetimeError } from '../../../../src/core/errors.js'

describe('a lifetime', () => {
  const now = 100n
  const max = 50n
  const check = (exp: bigint, nbf: bigint) => () => checkLifetime({ exp, nbf, iat: now }, now, max)

  it.each([
    [100n, 0n],
    [100n, 100n],
    [150n, 150n],
    [120n, 110n],
  ])('to exp %i from nbf %i is granted', (exp, nbf) => {
    expect(check(exp, nbf)).not.toThrow()
  })

  it.each([
    [99n, 0n, 'body.lifetime.exp', 'is past'],
    [0n, 0n, 'body.lifetime.exp', 'is past'],
    [151n, 0n, 'body.lifetime.exp', 'more than 50 epochs away'],
    [2n ** 64n - 1n, 0n, 'body.lifetime.exp', 'more than 50 epochs away'],
    [120n, 121n, 'body.lifetime.nbf', 'is after exp'],
  ])('to exp %i from nbf %i is refused', (exp, nbf, field, problem) => {
    expect(check(exp, nbf)).toThrow(LifetimeError)
    expect(check(exp, nbf)).toThrow(
      expect.objectContaining({
        field,
        message: expect.stringContaining(problem),
        metadata: { server_epoch: '100' },
      }),
    )
  })
})

describe('freshness', () => {
  const check = (iat: bigint, epoch: bigint) => () => checkFreshness(iat, epoch, 100n, 5n)

  it.each([
    [95n, 0n],
    [105n, 0n],
    [100n, 95n],
    [100n, 105n],
  ])('holds for iat %i and epoch %i', (iat, epoch) => {
    expect(check(iat, epoch)).not.toThrow()
  })

  it.each([
    [94n, 0n, 'body.lifetime.iat'],
    [106n, 0n, 'body.lifetime.iat'],
    [0n, 0n, 'body.lifetime.iat'],
    [2n ** 64n - 1n, 0n, 'body.lifetime.iat'],
    [100n, 94n, 'meta_header.epoch'],
    [100n, 106n, 'meta_header.epoch'],
  ])('does not hold for iat %i and epoch %i', (iat, epoch, field) => {
    expect(check(iat, epoch)).toThrow(EpochDriftError)
    expect(check(iat, epoch)).toThrow(
      expect.objectContaining({
        field,
        metadata: { server_epoch: '100', max_drift_epochs: '5' },
      }),
    )
  })
})
