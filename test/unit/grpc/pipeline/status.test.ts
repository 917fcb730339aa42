import { Metadata, status } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../../src/config/config.js'
import * as errors from '../../../../src/core/errors.js'
import { STATUS_CODES, toStatus } from '../../../../src/grpc/pipeline/status.js'
import { Refused } from '../../../support/create.js'

/** One of every class, with the code that the contract wants for it; null where no call meets it. */
const expected: Record<string, [errors.SessiondError, string | null]> = {
  MalformedError: [new errors.MalformedError('body', 'p'), 'INVALID_ARGUMENT'],
  MissingFieldError: [new errors.MissingFieldError('body'), 'INVALID_ARGUMENT'],
  InvalidFieldError: [new errors.InvalidFieldError('body', 'p'), 'INVALID_ARGUMENT'],
  LifetimeError: [new errors.LifetimeError('body.lifetime.exp', 'p', 7n), 'INVALID_ARGUMENT'],
  EpochDriftError: [new errors.EpochDriftError('f', 1n, 7n, 2n), 'FAILED_PRECONDITION'],
  VersionError: [new errors.VersionError('f', 3, 2), 'FAILED_PRECONDITION'],
  SignatureError: [new errors.SignatureError('f', 'p'), 'UNAUTHENTICATED'],
  CredentialError: [new errors.CredentialError('w'), 'UNAUTHENTICATED'],
  OwnerKeyError: [new errors.OwnerKeyError('p', 'key', 'e'), 'PERMISSION_DENIED'],
  SignerError: [new errors.SignerError('OBJECT_PUT'), 'PERMISSION_DENIED'],
  TokenRefusedError: [new errors.TokenRefusedError('EXPIRED', 'p'), 'PERMISSION_DENIED'],
  ForwardedError: [new errors.ForwardedError('via', 'a'), 'PERMISSION_DENIED'],
  QuotaError: [new errors.QuotaError('owner', 1), 'RESOURCE_EXHAUSTED'],
  RateLimitedError: [new errors.RateLimitedError('calls', 5), 'RESOURCE_EXHAUSTED'],
  BusyError: [new errors.BusyError('checks', 4), 'RESOURCE_EXHAUSTED'],
  RequestTimeoutError: [new errors.RequestTimeoutError(10), 'RESOURCE_EXHAUSTED'],
  IdempotencyKeyReusedError: [new errors.IdempotencyKeyReusedError(), 'ALREADY_EXISTS'],
  SessionEndedError: [new errors.SessionEndedError('id'), 'FAILED_PRECONDITION'],
  StoreUnavailableError: [new errors.StoreUnavailableError('p'), 'UNAVAILABLE'],
  StoreDamagedError: [new errors.StoreDamagedError('p'), 'DATA_LOSS'],
  NotFoundError: [new errors.NotFoundError('id'), 'NOT_FOUND'],
  ConflictError: [new errors.ConflictError('id'), 'FAILED_PRECONDITION'],
  KeyChangeError: [new errors.KeyChangeError('p'), 'FAILED_PRECONDITION'],
  ClockSuspectError: [new errors.ClockSuspectError(), 'FAILED_PRECONDITION'],
  KeyUntoldError: [new errors.KeyUntoldError('c', 'a', new Error('b')), 'UNAVAILABLE'],
  // Thrown to callers of a server, never by one.
  ServerUnavailableError: [new errors.ServerUnavailableError('a', 'p'), 'UNAVAILABLE'],
  // A seal that does not open is the server's own trouble.
  SealError: [new errors.SealError('p'), null],
  // On the command line alone.
  NothingMatchedError: [new errors.NothingMatchedError('p'), null],
  OutputError: [new errors.OutputError(new Error('b')), null],
  // At the start alone.
  StoreLockedError: [new errors.StoreLockedError('l'), null],
  StoreMismatchError: [new errors.StoreMismatchError('p'), null],
  InputFileError: [new errors.InputFileError('f', 'p'), null],
  DependencyMismatchError: [new errors.DependencyMismatchError('p', 'a', '1'), null],
  ListenError: [new errors.ListenError('--grpc', 'a', new Error('b')), null],
}

const onTheWire = (error: unknown) => {
  const { code, details, metadata } = toStatus(error)
  return new Refused({ code, details, metadata })
}

describe('the map from errors to gRPC codes', () => {
  it('was considered for every class of errors', () => {
    const classes = Object.entries(errors).filter(
      ([, value]) => typeof value === 'function' && value.prototype instanceof errors.SessiondError,
    )
    expect(Object.keys(expected).sort()).toEqual(classes.map(([name]) => name).sort())
    const reachable = Object.values(expected).filter(([, code]) => code !== null)
    const codes = new Set(reachable.map(([{ code }]) => code))
    expect(Object.keys(STATUS_CODES).sort()).toEqual([...codes].sort())
  })

  it.each(Object.entries(expected))('knows %s', (_, [error, code]) => {
    expect(onTheWire(error)).toMatchObject(
      code === null
        ? { code: 'INTERNAL', message: 'internal error', reason: undefined }
        : { code, message: error.message, reason: error.code, domain: 'sessiond' },
    )
  })

  it.each([
    [new errors.MissingFieldError('body.owner_id'), 'body.owner_id'],
    [new errors.LifetimeError('body.lifetime.nbf', 'p', 7n), 'body.lifetime.nbf'],
    [new errors.SignatureError('verify_header', 'p'), undefined],
    [new errors.QuotaError('owner', 1), undefined],
  ])('names the field of a bad request: %s', (error, field) => {
    expect(onTheWire(error).field).toBe(field)
  })

  it.each([
    [new errors.LifetimeError('f', 'p', 7n), { server_epoch: '7' }],
    [new errors.EpochDriftError('f', 1n, 7n, 2n), { server_epoch: '7', max_drift_epochs: '2' }],
    [new errors.QuotaError('server', 5), { scope: 'server', limit: '5' }],
    [new errors.SessionEndedError('id'), { session_id: 'id' }],
    [new errors.CredentialError('w'), { credential: 'missing' }],
    [new errors.CredentialError('w', { authorization: 'a' }), { credential: 'wrong' }],
    [
      new errors.CredentialError('w', { certificateProblem: 'CERT_HAS_EXPIRED' }),
      { credential: 'wrong', certificate: 'CERT_HAS_EXPIRED' },
    ],
    [new errors.ForwardedError('via', 'a'), { header: 'via' }],
    [new errors.RateLimitedError('failures', 5), { scope: 'failures', limit: '5' }],
  ])('hands on what belongs to the code: %s', (error, metadata) => {
    expect(onTheWire(error).metadata).toEqual(metadata)
  })

  it('shortens what quotes a request, to what every client takes of trailers', () => {
    // In one of the two the cut falls between the halves of a pair.
    for (const field of ['f', 'ff']) {
      const { message } = onTheWire(new errors.InvalidFieldError(field, '🎲'.repeat(20_000)))
      expect(message).toMatch(/^f+ (🎲)+…$/u)
    }
    // JSON may hold half a pair, which no status can carry.
    expect(onTheWire(new errors.InvalidFieldError('f', 'a\ud83cb')).message).toBe('f ab')
    const { metadata } = toStatus(new errors.InvalidFieldError('f', '\u{ffff}'.repeat(20_000)))
    const trailer = String(metadata.toHttp2Headers()['grpc-status-details-bin'])
    expect(trailer.length + encodeURI('\u{ffff}').length * 400).toBeLessThan(8192)
  })

  it('asks to wait where a rate was exceeded, or too much is under way', () => {
    expect(onTheWire(new errors.BusyError('checks', 4)).retrySeconds).toBe(1n)
    expect(onTheWire(new errors.RateLimitedError('calls', 5)).retrySeconds).toBe(1n)
    expect(onTheWire(new errors.QuotaError('owner', 5)).retrySeconds).toBeUndefined()
  })

  it('asks to wait where the store fails, and keeps the cause to itself', () => {
    const error = new errors.StoreUnavailableError('a write failed', new Error('EIO at /data'))
    expect(onTheWire(error).retrySeconds).toBe(1n)
    const { details, metadata } = toStatus(error)
    const [trailer] = metadata.get('grpc-status-details-bin')
    expect(details + Buffer.from(trailer as Buffer).toString('latin1')).not.toContain('EIO')
  })

  it.each([
    new Error('a secret'),
    new ConfigError(['a secret']),
    'a secret',
    { code: status.NOT_FOUND, details: 'a secret' },
    null,
    undefined,
  ])('says nothing of anything else: %s', (error) => {
    expect(toStatus(error)).toEqual({
      code: status.INTERNAL,
      details: 'internal error',
      metadata: new Metadata(),
    })
  })
})
