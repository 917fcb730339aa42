import { describe, expect, it } from 'vitest'
import { bearerToken } from '../../../../src/core/operators/credential.js'
import {
  type OperatorCall,
  type OperatorCredential,
  operatorRule,
  refuseForwarded,
} from '../../../../src/core/operators/trust.js'

const ADVICE = 'configure a credential'
const credential: OperatorCredential = {
  proofOf: ({ authorization }) => (authorization === 'Bearer right' ? 'admin token' : null),
  wanted: 'the admin token',
}
const call = (authorization?: string, headers: readonly string[] = []): OperatorCall => ({
  authorization,
  certificate: undefined,
  headerNames: () => headers,
})

describe('where a credential is configured', () => {
  it.each([true, false])('whoever shows it is admitted (on this machine alone: %s)', (isLocal) => {
    const admit = operatorRule(credential, isLocal, ADVICE)
    expect(admit?.(call('Bearer right', ['x-forwarded-for']))).toBe('admin token')
  })

  it.each([
    [undefined, 'missing'],
    ['Bearer wrong', 'wrong'],
  ])('%s is refused as %s', (authorization, shown) => {
    expect(() => operatorRule(credential, true, ADVICE)?.(call(authorization))).toThrow(
      expect.objectContaining({ code: 'CREDENTIAL_REQUIRED', metadata: { credential: shown } }),
    )
  })
})

describe('where none is', () => {
  it('this machine is admitted, without a proof', () => {
    expect(operatorRule(null, true, ADVICE)?.(call(undefined, ['user-agent']))).toBeNull()
  })

  it('a proxy is refused, behind which everyone looks like this machine', () => {
    expect(() => operatorRule(null, true, ADVICE)?.(call(undefined, ['via']))).toThrow(
      expect.objectContaining({
        code: 'FORWARDED',
        message: expect.stringContaining(`${ADVICE}, and show that credential`),
        metadata: { header: 'via' },
      }),
    )
  })

  it('nothing is for operators on a listener that others reach', () => {
    expect(operatorRule(null, false, ADVICE)).toBeNull()
  })
})

describe('a header of a proxy', () => {
  it.each([
    ...['forwarded', 'via', 'x-real-ip', 'x-forwarded-for', 'x-forwarded', 'true-client-ip'],
    ...['x-original-forwarded-for', 'x-client-ip', 'x-cluster-client-ip', 'cf-connecting-ip'],
    'x-envoy-external-address',
  ])('is %s', (name) => {
    expect(() => refuseForwarded(['host', name], ADVICE)).toThrow(`("${name}")`)
  })

  it('is none of any other name', () => {
    expect(() => refuseForwarded(['forward', 'x-via', 'x-request-id'], ADVICE)).not.toThrow()
  })
})

describe('a bearer token', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer   abc ', 'abc'],
    ['Bearer', undefined],
    ['Bearer a b', undefined],
    ['Basic abc', undefined],
    [undefined, undefined],
  ])('of %j is %j', (header, token) => {
    expect(bearerToken(header)).toBe(token)
  })
})
