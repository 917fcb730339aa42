import { readFileSync } from 'node:fs'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { ConfigError, readConfig } from '../../../src/config/config.js'
import type { GrpcLimits } from '../../../src/config/grpc-limits.js'
import {
  defaultText,
  type Option,
  option,
  type ValuesOf,
  variableOf,
} from '../../../src/config/option.js'
import { type Config, OPTION_GROUPS, SERVE_OPTIONS } from '../../../src/config/serve-options.js'

const none = { flags: {}, env: {} }
/** All of an option but its default. */
const row = { name: 'is-new', placeholder: 'ANSWER', help: 'an example', parse: Boolean }

function mistakesOf(sources: Parameters<typeof readConfig>[0]): readonly string[] {
  try {
    readConfig(sources)
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.mistakes
    }
    throw error
  }
  return []
}

describe('the configuration', () => {
  it('has safe defaults', () => {
    expect(readConfig(none)).toEqual({
      dataDir: './data',
      storeReplicas: 1,
      storeTimeoutMs: 2000,
      storePasswordFile: null,
      storeCa: null,
      storeTlsCert: null,
      storeTlsKey: null,
      storeNat: new Map(),
      store: { kind: 'level', address: '' },
      grpc: { host: '127.0.0.1', port: 8090 },
      grpcSocketMode: 0o600,
      seneca: [{ protocol: 'tcp', host: '127.0.0.1', port: 8807 }],
      http: { host: '127.0.0.1', port: 8808 },
      httpPath: '',
      tlsCert: null,
      tlsKey: null,
      tlsClientCa: null,
      plaintext: false,
      adminTokenFile: null,
      insecureCommands: false,
      feedMaxSessions: 10_000,
      feedTokenFile: null,
      feedPublic: false,
      feedOrigins: [],
      owners: 'self-certifying',
      maxLifetimeMs: 30 * 24 * 3600 * 1000,
      maxEpochDriftMs: 5 * 60 * 1000,
      maxSessionsPerOwner: 1000,
      atLimit: 'refuse',
      maxSessions: 0,
      idleTimeoutMs: 24 * 3600 * 1000,
      maxSessionAgeMs: 0,
      retentionMs: 7 * 24 * 3600 * 1000,
      cryptoThreads: 1,
      signers: null,
      signsPerSecond: 1000,
      issuer: null,
      introspectionTokensFile: null,
      maxDataBytes: 32_768,
      epochGenesisAtMs: 0,
      epochLengthMs: 1000,
      identityKey: 'data/identity.pem',
      sealingKeys: 'data/sealing-keys.json',
      acceptDamage: false,
      auditLog: 'data/audit.jsonl',
      maxMessageBytes: 131_072,
      maxStreams: 256,
      maxConnections: 4096,
      maxConnectionIdleMs: 15 * 60 * 1000,
      maxConnectionAgeMs: 0,
      maxConnectionAgeGraceMs: 30_000,
      headerTimeoutMs: 10_000,
      peerCallsPerSecond: 0,
      peerFailuresPerSecond: 50,
      graceMs: 10_000,
      drainDelayMs: 0,
      waitForLockMs: 0,
      logLevel: 'info',
      logFormat: 'auto',
    })
  })

  it('takes the flag before the variable before the file', () => {
    const file = { name: 'c.json', text: '{"max-sessions": 1, "grpc": "[::1]:1", "owners": "f"}' }
    const env = { SESSIOND_MAX_SESSIONS: '2', SESSIOND_GRPC: '127.0.0.1:2' }
    const config = readConfig({ flags: { 'max-sessions': '3' }, env, file })
    expect(config.maxSessions).toBe(3)
    expect(config.grpc).toEqual({ host: '127.0.0.1', port: 2 })
    expect(config.owners).toBe('f')
  })

  it('takes true and false of JSON for yes and no, and for nothing else', () => {
    const at = (text: string) => ({ ...none, file: { name: 'c.json', text } })
    expect(readConfig(at('{"plaintext": true, "feed-public": false}'))).toMatchObject({
      plaintext: true,
      feedPublic: false,
    })
    expect(mistakesOf(at('{"tls-key": true, "http": false}'))).toEqual([
      'c.json: tls-key: must be a string or a number',
      'c.json: http: must be a string or a number',
    ])
  })

  it('reports all mistakes at once, each with where it stands', () => {
    const file = { name: 'c.json', text: '{"max-lifetime": "soon", "colour": 1, "store": {}}' }
    const env = { SESSIOND_EPOCH_LENGTH: '0s', SESSIOND_PORT: 'tcp://10.0.0.1' }
    expect(mistakesOf({ flags: { grpc: '8090', speed: '9' }, env, file })).toEqual([
      'c.json: colour: there is no such option',
      'c.json: store: must be a string or a number',
      '--speed: there is no such option',
      '--grpc: "8090" is not HOST:PORT such as 127.0.0.1:8090 or [::1]:8090',
      'c.json: max-lifetime: "soon" is not a duration such as 90s, 5m, 12h, 30d or 1h30m',
      'SESSIOND_EPOCH_LENGTH (--epoch-length): "0s" is not a duration such as 90s, 5m, 12h, 30d or 1h30m',
    ])
  })

  it('says where the file is not JSON, and quotes nothing of it', () => {
    const read = (text: string) => mistakesOf({ ...none, file: { name: 'c.json', text } })
    expect(read('{\n"owners": "any-signer"\n"http": "off"}')).toEqual([
      '--config c.json: not JSON, at line 3',
    ])
    expect(read('the-admin-token-of-this-server')).toEqual(['--config c.json: not JSON'])
  })

  it.each([
    ['{', /not JSON/],
    ['[]', /one JSON object/],
    ['{"__proto__": "x"}', /__proto__: there is no such option/],
    ['{"toString": "x"}', /toString: there is no such option/],
  ])('refuses the file %s', (text, problem) => {
    expect(mistakesOf({ ...none, file: { name: 'c.json', text } })).toEqual([
      expect.stringMatching(problem),
    ])
  })

  it.each([
    ['epoch-genesis', '2026-01-01T00:00:00Z', 'epochGenesisAtMs', 1_767_225_600_000],
    ['epoch-genesis', '1767225600', 'epochGenesisAtMs', 1_767_225_600_000],
    ['epoch-length', '500ms', 'epochLengthMs', 500],
    ['max-lifetime', '1h30m', 'maxLifetimeMs', 5_400_000],
    ['max-lifetime', '1.5h', 'maxLifetimeMs', 5_400_000],
    ['seneca', 'off', 'seneca', []],
    ['http-path', '/a/b-c.d~1/', 'httpPath', '/a/b-c.d~1'],
    [
      'feed-origin',
      'https://a.example,http://localhost:3000',
      'feedOrigins',
      ['https://a.example', 'http://localhost:3000'],
    ],
    ['http', 'off', 'http', null],
    ['grpc', 'unix:a.sock', 'grpc', { path: 'a.sock' }],
    ['grpc', 'unix:///run/a.sock', 'grpc', { path: '/run/a.sock' }],
    ['grpc-socket-mode', '0660', 'grpcSocketMode', 0o660],
    ['grpc-socket-mode', '666', 'grpcSocketMode', 0o666],
    ['http', '[::1]:0', 'http', { host: '::1', port: 0 }],
    ['feed-public', 'yes', 'feedPublic', true],
    ['wait-for-lock', 'forever', 'waitForLockMs', Number.POSITIVE_INFINITY],
    ['wait-for-lock', '1m', 'waitForLockMs', 60_000],
    ['idle-timeout', '365d', 'idleTimeoutMs', 31_536_000_000],
    ['max-connection-age', '20d', 'maxConnectionAgeMs', 1_728_000_000],
    ['max-connection-age', 'none', 'maxConnectionAgeMs', 0],
    ['max-streams', '2147483647', 'maxStreams', 2_147_483_647],
  ] as const)('reads --%s %s', (name, text, key, value) => {
    expect(readConfig({ flags: { [name]: text }, env: {} })[key]).toEqual(value)
  })

  it.each([
    ['grpc', '127.0.0.1:70000'],
    ['grpc', ':8090'],
    ['grpc', '::1:8090'],
    ['grpc', 'unix:'],
    ['grpc', 'unix://run/a.sock'],
    ['grpc', `unix:/${'a'.repeat(107)}`],
    ['grpc-socket-mode', '0680'],
    ['grpc-socket-mode', 'rw'],
    ['grpc-socket-mode', '1777'],
    ['seneca', 'udp://127.0.0.1:8807'],
    ['http', '8808'],
    ['feed-public', 'true'],
    ['http-path', 'sessions'],
    ['http-path', '/a//b'],
    ['http-path', '/../a'],
    ['http-path', '/a/.'],
    ['http-path', '/a b'],
    ['http-path', '/%61'],
    ['http-path', 'https://a.example/'],
    ['feed-origin', '*'],
    ['feed-origin', 'null'],
    ['feed-origin', 'a.example'],
    ['feed-origin', 'https://a.example/'],
    ['feed-origin', 'https://a.example:443'],
    ['feed-origin', 'https://A.example'],
    ['feed-origin', 'https://a.example, https://b.example'],
    ['feed-origin', 'file://'],
    ['max-lifetime', '-1h'],
    ['max-lifetime', '1 h'],
    ['max-lifetime', '30'],
    // What a timer of Node's cannot wait it does not wait at all.
    ['grace', '21d'],
    ['drain-delay', '30d'],
    ['header-timeout', '30d'],
    ['max-connection-age', '30d'],
    ['max-connection-age-grace', '30d'],
    // Nobody could be served, though 0 lifts other limits.
    ['max-streams', '0'],
    ['max-connections', '0'],
    ['max-message-bytes', '0'],
    // HTTP/2 has no such setting: the first connection would stop the server.
    ['max-streams', '99999999999'],
    ['max-sessions', '-1'],
    ['max-sessions', '1e3'],
    ['max-sessions', '99999999999999999999'],
    ['epoch-genesis', 'yesterday'],
    ['epoch-genesis', '2026-13-01'],
    ['store', 'postgres'],
    ['data-dir', ''],
    ['log-level', 'loud'],
  ])('refuses --%s %s', (name, text) => {
    expect(mistakesOf({ flags: { [name]: text }, env: {} })).toEqual([
      expect.stringContaining(`--${name}: `),
    ])
  })

  it.each([
    [{ grpc: '0.0.0.0:8090' }, [/^--grpc: .*--tls-cert and --tls-key.*--plaintext yes/]],
    [{ grpc: '0.0.0.0:8090', plaintext: 'yes' }, []],
    [{ grpc: '0.0.0.0:8090', 'tls-cert': 'c', 'tls-key': 'k' }, []],
    [
      { http: '0.0.0.0:8808' },
      [/^--http: .*--plaintext yes/, /^--http: .*--feed-token FILE.*--feed-public yes/],
    ],
    [{ http: '0.0.0.0:8808', plaintext: 'yes', 'feed-token': 'token' }, []],
    [{ http: '0.0.0.0:8808', plaintext: 'yes', 'feed-public': 'yes' }, []],
    [{ seneca: 'tcp://0.0.0.0:8807' }, [/^--seneca: .*sessiond bridge.*--insecure-commands yes/]],
    [{ seneca: 'tcp://127.0.0.1:1,http://[::]:2' }, [/^--seneca: :: \(http, port 2\)/]],
    [{ seneca: 'tcp://0.0.0.0:8807', 'insecure-commands': 'yes' }, []],
    [{ grpc: 'unix:a' }, []],
    [
      { grpc: 'unix:a', 'tls-cert': 'c', 'tls-key': 'k', 'tls-client-ca': 'c' },
      [/^--grpc: nobody can show a client certificate over a Unix socket/],
    ],
    [{ 'tls-cert': 'c' }, [/^--tls-cert and --tls-key: give both/]],
    [{ 'store-tls-key': 'k' }, [/^--store-tls-cert and --store-tls-key: give both/]],
    [
      { store: 'valkey://a', 'max-data-bytes': '524289' },
      [/^--max-data-bytes: at most 524288 with --store valkey:…/],
    ],
    [{ 'tls-client-ca': 'c' }, [/^--tls-client-ca: needs/]],
  ])('lets nothing listen beyond loopback without protection: %j', (flags, problems) => {
    expect(mistakesOf({ flags: flags as Record<string, string>, env: {} })).toEqual(
      problems.map((problem) => expect.stringMatching(problem)),
    )
  })

  it('takes a list from the file, and refuses one where one value belongs', () => {
    const text = '{"seneca": ["tcp://127.0.0.1:1", "http://[::1]:2"]}'
    expect(readConfig({ ...none, file: { name: 'c.json', text } }).seneca).toEqual([
      { protocol: 'tcp', host: '127.0.0.1', port: 1 },
      { protocol: 'http', host: '::1', port: 2 },
    ])
    expect(mistakesOf({ ...none, file: { name: 'c.json', text: '{"grpc": ["a"]}' } })).toEqual([
      'c.json: grpc: must be a string or a number',
    ])
  })

  it('takes where nodes behind NAT are reached', () => {
    const flags = { 'store-nat': '172.17.0.2:6379=gate:7001,[::1]:1=gate:7002' }
    expect([...readConfig({ ...none, flags }).storeNat]).toEqual([
      ['172.17.0.2:6379', { host: 'gate', port: 7001 }],
      ['[::1]:1', { host: 'gate', port: 7002 }],
    ])
    expect(mistakesOf({ ...none, flags: { 'store-nat': 'a:1' } })).toEqual([
      '--store-nat: "" is not HOST:PORT such as 127.0.0.1:8090 or [::1]:8090',
    ])
    expect(mistakesOf({ ...none, flags: { 'store-nat': 'a:1=b:2=c:3' } })).toEqual([
      '--store-nat: "a:1=b:2=c:3" is not ANNOUNCED=REACHED, both HOST:PORT',
    ])
  })

  it('is listed in docs/options.md, option by option', () => {
    const page = readFileSync(new URL('../../../docs/options.md', import.meta.url), 'utf8')
    const rowOf = (option: Option<unknown>) => {
      const { name, placeholder, help } = option
      const text = defaultText(option)
      const fallback = text === undefined ? '' : `\`${text}\``
      return `| \`--${name} ${placeholder}\` | \`${variableOf(name)}\` | ${fallback} | ${help} |\n`
    }
    const head = '| option | variable | default | meaning |\n| --- | --- | --- | --- |\n'
    const tables = Object.entries(OPTION_GROUPS).map(
      ([group, options]) =>
        `\n### ${group}\n\n${head}${Object.values<Option<unknown>>(options).map(rowOf).join('')}`,
    )
    const [, listed] = /<!-- options -->\n([\s\S]*?)\n<!-- \/options -->/.exec(page) ?? []
    expect(listed).toBe(tables.join(''))
  })
})

describe('the table of options', () => {
  it('is what the type of the configuration comes from', () => {
    expectTypeOf<keyof Config>().toEqualTypeOf<keyof typeof SERVE_OPTIONS>()
    expectTypeOf<Config['maxLifetimeMs']>().toEqualTypeOf<number>()
    expectTypeOf<Config['tlsCert']>().toEqualTypeOf<string | null>()
    expectTypeOf<Config['logLevel']>().toEqualTypeOf<'error' | 'warn' | 'info' | 'debug'>()
    expectTypeOf<Config>().toExtend<GrpcLimits>()
    const table = { isNew: option({ ...row, unset: null }) }
    expectTypeOf<ValuesOf<typeof table>>().toEqualTypeOf<{ readonly isNew: boolean | null }>()
  })

  it('does not compile with an option that lacks a name, a help, a check or what it is by default', () => {
    const { name, help, parse, ...rest } = row
    // @ts-expect-error: no default
    option(row)
    // @ts-expect-error: no name
    option({ ...rest, help, parse, default: 'no' })
    // @ts-expect-error: no help
    option({ ...rest, name, parse, default: 'no' })
    // @ts-expect-error: no check
    option({ ...rest, name, help, default: 'no' })
  })

  it('has every option in one of its groups', () => {
    const grouped = Object.values(OPTION_GROUPS).flatMap((options) => Object.keys(options))
    expect(grouped).toEqual(Object.keys(SERVE_OPTIONS))
  })

  it('has each name once', () => {
    const names = Object.values(SERVE_OPTIONS).map(({ name }) => name)
    expect(names).toEqual([...new Set(names)])
  })
})
