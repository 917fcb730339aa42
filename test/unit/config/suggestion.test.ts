import { describe, expect, it } from 'vitest'
import { nearest } from '../../../src/config/suggestion.js'
import { unknownVariables } from '../../../src/config/unknown-variables.js'

describe('the name that was probably meant', () => {
  const names = ['grpc', 'http', 'max-lifetime', 'max-sessions', 'max-sessions-per-owner']

  it.each([
    ['gprc', 'grpc'],
    ['grp', 'grpc'],
    ['grpcs', 'grpc'],
    ['htpp', 'http'],
    ['max-lifetme', 'max-lifetime'],
    ['max-liftimes', 'max-lifetime'],
    ['max-session', 'max-sessions'],
    ['max-sessions-per-user', 'max-sessions-per-owner'],
  ])('for %s is %s', (given, meant) => {
    expect(nearest(given, names)).toBe(meant)
  })

  it.each(['tls', 'gcrp', 'lifetime', ''])('for %j is none of them', (given) => {
    expect(nearest(given, names)).toBeUndefined()
  })
})

describe('variables that look like ours', () => {
  const others = ['SESSIOND_SERVER']

  it('are told of with the one that was meant, unless they are ours', () => {
    const env = {
      SESSIOND_GRPC: 'a',
      SESSIOND_SERVER: 'b',
      SESSIOND_GPRC: 'c',
      SESSIOND_SERVR: 'd',
      SESSIOND_WEATHER: 'e',
      GRPC: 'f',
    }
    expect(unknownVariables(env, others)).toEqual([
      { variable: 'SESSIOND_GPRC', meant: 'SESSIOND_GRPC' },
      { variable: 'SESSIOND_SERVR', meant: 'SESSIOND_SERVER' },
      { variable: 'SESSIOND_WEATHER', meant: undefined },
    ])
  })

  it('may be those that Kubernetes sets for a service', () => {
    const names = [
      'SESSIOND_SERVICE_HOST',
      'SESSIOND_SERVICE_PORT',
      'SESSIOND_SERVICE_PORT_GRPC',
      'SESSIOND_PORT',
      'SESSIOND_PORT_8090_TCP',
      'SESSIOND_PORT_8090_TCP_ADDR',
      'SESSIOND_HTTP_SERVICE_HOST',
      'SESSIOND_HTTP_PORT_8808_TCP_PROTO',
    ]
    expect(unknownVariables(Object.fromEntries(names.map((name) => [name, 'x'])), [])).toEqual([])
  })
})
