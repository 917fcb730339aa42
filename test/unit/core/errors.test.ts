import { describe, expect, it } from 'vitest'
import { RefusedError } from '../../../src/client/index.js'
import {
  CALLER_ERROR_CODES,
  InvalidFieldError,
  isCallerError,
  ListenError,
  MalformedError,
  NotFoundError,
  SealError,
  StoreLockedError,
} from '../../../src/core/errors.js'

describe('an error of ours', () => {
  it('is named after its class, and keeps what caused it', () => {
    const cause = new Error('why')
    expect(new MalformedError('body', 'is cut short', cause)).toMatchObject({
      name: 'MalformedError',
      message: 'body: is cut short',
      field: 'body',
      cause,
    })
    expect('cause' in new MalformedError('body', 'is cut short')).toBe(false)
  })

  it('has no field where the message as a whole is at fault', () => {
    const { message, field } = new MalformedError('', 'is no message')
    expect([message, field]).toEqual(['is no message', undefined])
  })

  it('quotes no more than 256 characters of a field that the caller named', () => {
    const { field } = new InvalidFieldError('x'.repeat(300), 'is unknown')
    expect(field).toBe(`${'x'.repeat(256)}…`)
  })

  it.each([
    ['EADDRINUSE', 'cannot listen on a:1: free that address, or give another with --grpc'],
    ['EACCES', 'cannot listen on a:1: no: give another with --grpc'],
  ])('of a listener says what to do about %s', (code, message) => {
    const cause = Object.assign(new Error('no'), { code })
    expect(new ListenError('--grpc', 'a:1', cause).message).toBe(message)
  })
})

describe('a caller is told', () => {
  it('of every error whose code says so', () => {
    expect(isCallerError(new NotFoundError('id'))).toBe(true)
  })

  it.each([
    ['of the operator', new StoreLockedError('/data')],
    ['of a seal', new SealError('was altered')],
    ['that is not ours', Object.assign(new Error('a secret'), { code: 'NOT_FOUND' })],
    ['that is no error', { code: 'NOT_FOUND' }],
    ['whose code a server elsewhere made up', new RefusedError(2, 'constructor', 'x')],
  ])('of none %s', (_, error) => {
    expect(isCallerError(error)).toBe(false)
  })

  it('by codes that differ', () => {
    expect(new Set(CALLER_ERROR_CODES).size).toBe(CALLER_ERROR_CODES.length)
  })
})
