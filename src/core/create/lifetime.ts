import { EpochDriftError, LifetimeError } from '../errors.js'
import type { Lifetime } from '../session.js'

/** Refuses a lifetime that is over, ends before it begins, or is too long. Throws LifetimeError. */
export function checkLifetime(lifetime: Lifetime, now: bigint, maxEpochs: bigint): void {
  const { exp, nbf } = lifetime
  if (nbf > exp) {
    throw new LifetimeError('body.lifetime.nbf', `${nbf} is after exp ${exp}`, now)
  }
  if (exp < now) {
    throw new LifetimeError('body.lifetime.exp', `${exp} is past`, now)
  }
  if (exp > now + maxEpochs) {
    throw new LifetimeError(
      'body.lifetime.exp',
      `${exp} is more than ${maxEpochs} epochs away, the longest lifetime granted`,
      now,
    )
  }
}

/**
 * Refuses a request that was made too long ago, or in the future: a signed request must not stay usable forever.
 * `epoch`: of the outermost meta header, 0 if its sender does not know it. Throws EpochDriftError.
 */
export function checkFreshness(
  iat: bigint,
  epoch: bigint,
  now: bigint,
  maxDriftEpochs: bigint,
): void {
  checkDrift('body.lifetime.iat', iat, now, maxDriftEpochs)
  if (epoch !== 0n) {
    checkDrift('meta_header.epoch', epoch, now, maxDriftEpochs)
  }
}

/** Refuses an epoch that is too far from now. Throws EpochDriftError. */
export function checkDrift(
  field: string,
  epoch: bigint,
  now: bigint,
  maxDriftEpochs: bigint,
): void {
  if (epoch > now + maxDriftEpochs || epoch + maxDriftEpochs < now) {
    throw new EpochDriftError(field, epoch, now, maxDriftEpochs)
  }
}
