import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { InputFileError } from '../../../../src/core/errors.js'
import { accessSettings } from '../../../../src/stores/valkey/access.js'
import { newAuthority } from '../../../support/certificates.js'
import { temporaryPath } from '../../../support/files.js'

async function fileOf(text: string): Promise<string> {
  const path = await temporaryPath('file')
  await writeFile(path, text)
  return path
}

interface Files {
  passwordFile?: string
  caFile?: string
  clientFiles?: { cert: string; key: string }
}

const settingsOf = (files: Files = {}, kind = 'valkeys', onTlsUnread?: (reason: Error) => void) =>
  accessSettings(
    {
      kind,
      address: '//sessiond@a:1',
      dataDir: 'data',
      access: {
        ...{ replicas: 2, timeoutMs: 500, nat: new Map() },
        ...{ passwordFile: null, caFile: null, clientFiles: null },
        ...files,
      },
      traces: { note: '', usedFiles: [], leftTogether: [] },
    },
    { ...(onTlsUnread && { onTlsUnread }) },
  )

describe('the access to the engine', () => {
  it('is what the address and the options say', () => {
    const { password, tls, ...settings } = settingsOf()
    expect(password()).toBeNull()
    expect(tls?.()).toBeDefined()
    expect(settings).toEqual({
      seeds: [{ host: 'a', port: 1 }],
      user: 'sessiond',
      replicas: 2,
      timeoutMs: 500,
      nat: new Map(),
    })
    expect(settingsOf({}, 'valkey').tls).toBeNull()
  })

  it('has a password that may change in its file', async () => {
    const passwordFile = await fileOf('hunter2\n')
    const { password } = settingsOf({ passwordFile })
    expect(password()).toBe('hunter2')
    await writeFile(passwordFile, ' with spaces \r\n')
    expect(password()).toBe(' with spaces ')
  })

  it.each([
    ['is empty', ''],
    ['has two lines', 'hunter2\nhunter3\n'],
  ])('refuses a password file that %s, and does not quote it', async (_name, text) => {
    const passwordFile = await fileOf(text)
    expect(() => settingsOf({ passwordFile })).toThrow(InputFileError)
    expect(() => settingsOf({ passwordFile })).not.toThrow('hunter')
  })

  it('names a file that is not there', () => {
    expect(() => settingsOf({ passwordFile: '/no/such/file' })).toThrow('/no/such/file')
    expect(() => settingsOf({ caFile: '/no/such/ca' })).toThrow('/no/such/ca')
  })

  it('trusts the authorities of a file, which must hold certificates', async () => {
    const caFile = await fileOf('no certificate')
    expect(() => settingsOf({ caFile })).toThrow(InputFileError)
  })

  it('reads the files of TLS for each connection, and until they match keeps what they held', async () => {
    const [first, second] = [newAuthority().issue(), newAuthority().issue()]
    const clientFiles = { cert: await fileOf(first.cert), key: await fileOf(first.key) }
    const told: string[] = []
    const { tls } = settingsOf({ clientFiles }, 'valkeys', ({ message }) => told.push(message))
    const before = tls?.()
    await writeFile(clientFiles.cert, second.cert)
    expect(tls?.()).toBe(before)
    expect(tls?.()).toBe(before)
    expect(told).toEqual([
      `${clientFiles.key}: is not the key of the certificate in ${clientFiles.cert}`,
    ])
    await writeFile(clientFiles.key, second.key)
    expect(tls?.()).not.toBe(before)
    expect(told).toHaveLength(1)
    await writeFile(clientFiles.key, 'broken')
    tls?.()
    expect(told).toHaveLength(2)
  })

  it.each([
    ['of another certificate', newAuthority().issue().key, 'is not the key of the certificate'],
    ['that is none', 'hunter2', 'holds no private key in PEM'],
  ])('refuses a client certificate with a key %s, and quotes neither', async (_, text, problem) => {
    const clientFiles = { cert: await fileOf(newAuthority().issue().cert), key: await fileOf(text) }
    expect(() => settingsOf({ clientFiles })).toThrow(InputFileError)
    expect(() => settingsOf({ clientFiles })).toThrow(`${clientFiles.key}: ${problem}`)
    expect(() => settingsOf({ clientFiles })).not.toThrow('hunter')
  })
})
