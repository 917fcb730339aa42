import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkFreshness, checkLifetime } from '../../../src/core/create/lifetime.js'
import { EpochClock } from '../../../src/core/epoch.js'
import { EpochDriftError, LifetimeError } from '../../../src/core/errors.js'

const at = (nowMs: number, genesisMs = 0, lengthMs = 1000) =>
  new EpochClock({ genesisMs, lengthMs }, () => nowMs)

describe('epochs', () => {
  it('are Unix seconds by default', () => {
    expect(at(1_767_225_600_999).now()).toBe(1_767_225_600n)
  })

  it.each([
    [1000, 0n],
    [1239, 0n],
    [1240, 1n],
    [1719, 2n],
  ])('at %i ms, of 240 ms from 1000 ms on, is %i', (nowMs, epoch) => {
    expect(at(nowMs, 1000, 240).now()).toBe(epoch)
  })

  it('end where the next begins', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 40),
        fc.nat(2 ** 40),
        fc.integer({ min: 1, max: 1e7 }),
        (genesisMs, sinceMs, lengthMs) => {
          const clock = at(genesisMs + sinceMs, genesisMs, lengthMs)
          const endsAtMs = clock.endsAtMs(clock.now())
          expect(endsAtMs).toBeGreaterThan(clock.nowMs())
          expect(endsAtMs - clock.nowMs()).toBeLessThanOrEqual(lengthMs)
          expect(at(endsAtMs, genesisMs, lengthMs).now()).toBe(clock.now() + 1n)
        },
      ),
    )
  })

  it('of 64 bits do not overflow a time', () => {
    expect(at(0).endsAtMs(2n ** 64n - 1n)).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('round a duration up', () => {
    expect(at(0, 0, 240_000).epochsIn(300_000)).toBe(2n)
    expect(at(0).epochsIn(300_000)).toBe(300n)
  })
})

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
