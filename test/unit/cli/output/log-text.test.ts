import { expect, it } from 'vitest'
import { textOf } from '../../../../src/cli/output/log-text.js'

const line = (fields: object) => textOf(JSON.stringify({ time: '2026-01-01T10:00:00Z', ...fields }))

it('has the time, the level, the event, its text and its fields', () => {
  const text = line({ level: 'warn', event: 'tls-expires', file: 'a b', days: 3, msg: 'soon' })
  expect(text).toMatch(/^\d\d:\d\d:\d\d warn {2}tls-expires: soon {2}file="a b" {2}days=3\n$/)
})

it('has an error with its causes, each on a line', () => {
  const cause = { name: 'Error', code: 'ENOSPC', message: 'no space' }
  const err = { name: 'StoreError', message: 'not written', stack: 'at a.js:1\nat b.js:2', cause }
  expect(
    line({ level: 'error', event: 'store-failed', err, msg: 'refused' }).split('\n').slice(1),
  ).toEqual([
    '  StoreError not written',
    '    at a.js:1',
    '    at b.js:2',
    '  Error ENOSPC no space',
    '',
  ])
})

it('lets no value forge a line or steer the terminal', () => {
  const text = line({ level: 'info', event: 'limited', peer: '\x1b[2J\n\u202e', msg: 'x' })
  expect(text.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}]/u)
})

it('of a server that is ready tells its addresses and the next command', () => {
  const text = line({
    event: 'ready',
    grpc: '127.0.0.1:9000',
    seneca: ['tcp://127.0.0.1:8807', 'http://127.0.0.1:8809'],
    http: 'https://127.0.0.1:8808',
    data_dir: '/my data',
    msg: '',
  })
  expect(text).toMatch(
    /^sessiond \S+ is ready\.\n\n {2}gRPC {4}127\.0\.0\.1:9000\n {2}Seneca {2}tcp:\/\/127\.0\.0\.1:8807\n {2}Seneca {2}http:\/\/127\.0\.0\.1:8809\n {2}page {4}https:\/\/127\.0\.0\.1:8808\n {2}data {4}\/my data\n/,
  )
  expect(text).toContain(
    'create --server 127.0.0.1:9000 --tls --server-key "$(sessiond identity --data-dir \'/my data\')"\n',
  )
})

it('of a bridge that is ready tells where it listens and its server', () => {
  const text = line({ event: 'ready', seneca: ['tcp://127.0.0.1:8807'], server: 'a:1', msg: '' })
  expect(text).toMatch(
    /ready\.\n\n {2}Seneca {2}tcp:\/\/127\.0\.0\.1:8807\n {2}server {2}a:1\n\nControl-C/,
  )
})
