import { expect } from 'vitest'
import { ConfigError, readConfig } from '../../src/config/config.js'
import { variableOf } from '../../src/config/option.js'
import { SERVE_OPTIONS } from '../../src/config/serve-options.js'
import { fuzz } from './engine.js'
import { mutateJson } from './mutations.js'

const values = {
  'data-dir': '/var/lib/sessiond',
  grpc: '[::1]:8090',
  seneca: 'tcp://127.0.0.1:1,http://[::1]:2',
  http: 'off',
  'feed-public': 'yes',
  owners: 'any-signer',
  'max-lifetime': '1h30m',
  'idle-timeout': 'none',
  'max-sessions': 7,
  'epoch-genesis': '2030-01-01T00:00:00Z',
  'epoch-length': '1.5s',
  'log-level': 'debug',
}
const listed = { ...values, seneca: ['tcp://127.0.0.1:1', 'http://127.0.0.1:2'] }

function read(sources: Parameters<typeof readConfig>[0]): string {
  let config: ReturnType<typeof readConfig>
  try {
    config = readConfig(sources)
  } catch (error) {
    if (!(error instanceof ConfigError)) {
      throw error
    }
    expect(error.mistakes).not.toHaveLength(0)
    expect(error.mistakes).not.toContain('')
    return 'mistakes'
  }
  expect(Object.keys(config)).toEqual(Object.keys(SERVE_OPTIONS))
  for (const [name, value] of Object.entries(config)) {
    expect(value).not.toBeUndefined()
    if (typeof value === 'number' && name !== 'epochGenesisAtMs' && value !== Infinity) {
      expect(value).toBeGreaterThanOrEqual(0)
      expect(value).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER)
    }
  }
  // What is told of a store says it as a date.
  expect(new Date(config.epochGenesisAtMs).getTime()).toBe(config.epochGenesisAtMs)
  return 'config'
}

fuzz({
  name: 'config-file',
  seeds: [values, listed, { seneca: 'off' }].map((config) => JSON.stringify(config, null, 2)),
  mutate: mutateJson,
  reaches: ['config', 'mistakes'],
  check: (input) =>
    read({ flags: {}, env: {}, file: { name: 'sessiond.json', text: input.toString() } }),
})

/** Flags or variables, a line each. */
fuzz({
  name: 'config-values',
  seeds: [values, { seneca: 'off' }].map((config) => JSON.stringify(config)),
  mutate: mutateJson,
  reaches: ['config', 'mistakes', 'no texts'],
  check(input, random) {
    let parsed: unknown
    try {
      parsed = JSON.parse(input.toString())
    } catch {
      return 'no texts'
    }
    const texts = Object.entries(Object(parsed)).map(([name, value]) => [
      name,
      JSON.stringify(value).replace(/^"(.*)"$/, '$1'),
    ])
    if (random(2) === 0) {
      return read({ flags: Object.fromEntries(texts), env: {} })
    }
    const variables = texts.map(([name, value]) => [variableOf(String(name)), value])
    return read({ flags: {}, env: Object.fromEntries(variables) })
  },
})
