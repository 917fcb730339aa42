import { rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { InputFileError } from '../../../src/core/errors.js'
import { watchTls } from '../../../src/credentials/tls.js'
import type { Every } from '../../../src/net/background-timers.js'
import { newAuthority } from '../../support/certificates.js'
import { temporaryDirectory } from '../../support/process.js'

const DAY_MS = 86_400_000
const authority = newAuthority()
const inTwoMonths = { notAfterMs: Date.now() + 60 * DAY_MS }
const first = authority.issue(inTwoMonths)
const second = authority.issue(inTwoMonths)
/** What nobody may find anywhere. */
const [, secret = ''] = first.key.split('\n')

/** Certificate, key and authorities in files, and what follows them, looking when it is told to. */
async function watch({ nowMs = Date.now(), clientCa = false } = {}) {
  const directory = await temporaryDirectory(onTestFinished)
  const file = (name: string) => join(directory, name)
  const write = (name: string, text: string) => writeFile(file(name), text)
  await write('cert.pem', first.cert)
  await write('key.pem', first.key)
  await write('ca.pem', authority.cert)
  const lines: { event: string }[] = []
  let text = ''
  const keep = (line: string) => {
    text += line
    lines.push(JSON.parse(line))
  }
  const log = pino({ level: 'debug' }, { write: keep })
  const looks: (() => void)[] = []
  const every: Every = (_, run) => {
    looks.push(run)
    return () => looks.splice(looks.indexOf(run), 1)
  }
  const open = (names = { cert: 'cert.pem', key: 'key.pem' }) =>
    watchTls(
      {
        cert: file(names.cert),
        key: file(names.key),
        clientCa: clientCa ? file('ca.pem') : null,
      },
      log,
      { every, nowMs: () => nowMs },
    )
  const look = () => {
    for (const run of [...looks]) {
      run()
    }
    return lines.splice(0).map(({ event }) => event)
  }
  return { file, write, open, look, looks, logged: () => text }
}

function problemOf(open: () => unknown): string {
  try {
    open()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

describe('the files of TLS', () => {
  it('are handed out anew when both were replaced, and no sooner', async () => {
    const { write, open, look, looks } = await watch()
    const tls = open()
    const told: string[] = []
    tls.onChange(({ cert }) => told.push(`${cert}`))
    expect(look()).toEqual([])
    await write('cert.pem', second.cert)
    expect(look()).toEqual(['tls-not-read'])
    // Told once, however often it is looked at.
    expect(look()).toEqual([])
    expect(`${tls.current().cert}`).toBe(first.cert)
    await write('key.pem', second.key)
    expect(look()).toEqual(['tls-read'])
    expect(`${tls.current().cert}`).toBe(second.cert)
    expect(`${tls.current().key}`).toBe(second.key)
    expect(told).toEqual([second.cert])
    tls.close()
    expect(looks).toEqual([])
  })

  it('are followed over symbolic links, as certbot and Kubernetes replace them', async () => {
    const { file, write, open, look } = await watch()
    await write('1.cert', first.cert)
    await write('1.key', first.key)
    await write('2.cert', second.cert)
    await write('2.key', second.key)
    const point = async (kind: string, target: string) => {
      await symlink(target, file('new'))
      await rename(file('new'), file(`live.${kind}`))
    }
    await point('cert', '1.cert')
    await point('key', '1.key')
    const tls = open({ cert: 'live.cert', key: 'live.key' })
    await point('cert', '2.cert')
    look()
    expect(`${tls.current().cert}`).toBe(first.cert)
    await point('key', '2.key')
    look()
    expect(`${tls.current().cert}`).toBe(second.cert)
  })

  it('stay as they were while one is half written, away, or a link to itself', async () => {
    const { file, write, open, look, logged } = await watch({ clientCa: true })
    const tls = open()
    for (const [name, whole] of [
      ['cert.pem', first.cert],
      ['key.pem', first.key],
      ['ca.pem', authority.cert],
    ] as const) {
      await write(name, whole.slice(0, whole.length / 2))
      expect(look()).toEqual(['tls-not-read'])
      await rm(file(name))
      expect(look()).toEqual(['tls-not-read'])
      await symlink(name, file(name))
      expect(look()).toEqual(['tls-not-read'])
      await rm(file(name))
      expect(look()).toEqual(['tls-not-read'])
      expect(`${tls.current()[name.slice(0, -4) as 'cert' | 'key' | 'ca']}`).toBe(whole)
      await write(name, whole)
      expect(look()).toEqual(['tls-read'])
    }
    expect(logged()).toContain('key.pem')
    expect(logged()).not.toContain(secret)
  })

  it('are read with the authorities of clients, which change too', async () => {
    const { write, open, look } = await watch({ clientCa: true })
    const tls = open()
    expect(tls.asking).toEqual({ requestCert: true, rejectUnauthorized: false })
    const other = newAuthority().cert
    await write('ca.pem', `${authority.cert}${other}`)
    look()
    expect(`${tls.current().ca}`).toContain(other)
  })

  it('may have more in them than certificates, and lines that end otherwise', async () => {
    const { write, open } = await watch()
    const text = `Subject: CN = test\n${first.cert}${first.key}`
    await write('cert.pem', text.replaceAll('\n', '\r\n'))
    expect(`${open().current().cert}`).toBe(first.cert)
  })

  it('are for TLS 1.2 and later', async () => {
    expect((await watch()).open().current().minVersion).toBe('TLSv1.2')
  })

  it.each([
    ['blanks at the ends of lines', (pem: string) => pem.replaceAll('\n', ' \t\n')],
    ['the line ends of Windows', (pem: string) => pem.replaceAll('\n', '\r\n')],
    ['a byte order mark', (pem: string) => `\ufeff${pem}`],
    ['text around', (pem: string) => `ENCRYPTED?\n${pem}no\n`],
    ['the older name', (pem: string) => pem.replaceAll(' CERTIFICATE', ' X509 CERTIFICATE')],
    ['the name of a trusted one', (pem: string) => pem.replaceAll(' CERT', ' TRUSTED CERT')],
  ])('may have %s', async (_name, change) => {
    const { write, open } = await watch({ clientCa: true })
    for (const [name, text] of [
      ['cert.pem', first.cert],
      ['key.pem', first.key],
      ['ca.pem', authority.cert],
    ] as const) {
      await write(name, change(text))
    }
    expect(`${open().current().cert}`).toBe(first.cert)
  })

  it.each([
    ['cert.pem', 'no PEM', /cert\.pem: must hold certificates in PEM/],
    ['cert.pem', first.cert.replace(/\n.{20}/, '\n'), /cert\.pem: certificate 1 in it cannot be/],
    ['cert.pem', `${first.cert}${first.cert.replace(/\n.{20}/, '\n')}`, /certificate 2 in it/],
    [
      'cert.pem',
      `${first.cert}${first.cert.slice(0, 200)}`,
      /holds a certificate that is cut short/,
    ],
    ['cert.pem', second.cert, /key\.pem: is not the key of the certificate in .*cert\.pem/],
    [
      'key.pem',
      first.cert,
      /key\.pem: holds no private key in PEM, but a certificate; expected one/,
    ],
    [
      'key.pem',
      first.key.replace(/\n.{20}/, '\n'),
      /key\.pem: holds a private key that cannot be read; expected one/,
    ],
    ['key.pem', second.key, /key\.pem: is not the key of/],
    ['ca.pem', '', /ca\.pem: must hold certificates/],
  ])('are refused at the start: %s %#', async (name, text, problem) => {
    const { write, open } = await watch({ clientCa: true })
    await write(name, text)
    expect(() => open()).toThrow(InputFileError)
    expect(problemOf(open)).toMatch(problem)
    expect(problemOf(open)).not.toContain(secret)
  })

  it('say daily that the certificate is about to expire', async () => {
    const early = await watch()
    early.open()
    expect(early.look()).toEqual([])
    const late = await watch({ nowMs: Date.now() + 47 * DAY_MS })
    late.open()
    expect(late.logged()).toContain('cert.pem')
    // At the start, and a day later.
    expect(late.look()).toEqual(['tls-expires', 'tls-expires'])
    expect(late.look()).toEqual(['tls-expires'])
  })
})
