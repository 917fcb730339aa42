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

const settingsOf = (files: { passwordFile?: string; caFile?: string } = {}, kind = 'valkeys') =>
  accessSettings({
    kind,
    address: '//sessiond@a:1',
    dataDir: 'data',
    access: {
      ...{ replicas: 2, timeoutMs: 500, nat: new Map() },
      passwordFile: files.passwordFile ?? null,
      caFile: files.caFile ?? null,
    },
    traces: { note: '', usedFiles: [], leftTogether: [] },
  })

describe('the access to the engine', () => {
  it('is what the address and the options say', () => {
    const { password, ...settings } = settingsOf()
    expect(password()).toBeNull()
    expect(settings).toEqual({
      seeds: [{ host: 'a', port: 1 }],
      user: 'sessiond',
      replicas: 2,
      timeoutMs: 500,
      nat: new Map(),
      tls: { ca: null },
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

  it('trusts the authorities of a file, which must begin with a certificate', async () => {
    const { cert } = newAuthority()
    expect(settingsOf({ caFile: await fileOf(cert) }).tls?.ca?.toString()).toBe(cert)
    const caFile = await fileOf('no certificate')
    expect(() => settingsOf({ caFile })).toThrow(InputFileError)
  })
})
