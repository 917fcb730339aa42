import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openAdminCredential } from '../../../src/credentials/admin-credential.js'
import { Lifecycle } from '../../../src/net/lifecycle.js'
import { keptLog } from '../../support/log.js'
import { temporaryDirectory } from '../../support/process.js'

const TOKEN = 'a-token-of-sixteen-or-more'
const CERTIFICATE = { raw: Uint8Array.of(1), subject: { CN: 'ops' } }

async function setUp({ clientCa = null }: { clientCa?: string | null } = {}) {
  const adminTokenFile = join(await temporaryDirectory(onTestFinished), 'token')
  await writeFile(adminTokenFile, TOKEN)
  const { log, lines } = keptLog()
  const lifecycle = new Lifecycle()
  onTestFinished(async () => void (await lifecycle.close(0)))
  const credential = openAdminCredential({ adminTokenFile, tlsClientCa: clientCa }, log, lifecycle)
  if (credential === null) {
    throw new Error('a token is a credential')
  }
  const proofOf = (token: string) =>
    credential.proofOf({ authorization: `Bearer ${token}`, certificate: undefined })
  return { credential, proofOf, write: (text: string) => writeFile(adminTokenFile, text), lines }
}

function ofCertificates() {
  const options = { adminTokenFile: null, tlsClientCa: 'ca.pem' }
  const credential = openAdminCredential(options, keptLog().log, new Lifecycle())
  return (certificate: Parameters<NonNullable<typeof credential>['proofOf']>[0]['certificate']) =>
    credential?.proofOf({ authorization: undefined, certificate })
}

describe('the admin credential', () => {
  it('is none where neither a token nor an authority is configured', () => {
    const options = { adminTokenFile: null, tlsClientCa: null }
    expect(openAdminCredential(options, keptLog().log, new Lifecycle())).toBeNull()
  })

  it('is the token of the file, and nothing else', async () => {
    const { credential, proofOf } = await setUp()
    expect(proofOf(TOKEN)).toBe('admin token')
    expect(proofOf(`${TOKEN}x`)).toBeNull()
    expect(credential.proofOf({ authorization: undefined, certificate: undefined })).toBeNull()
    expect(credential.wanted).toMatch(/^the admin token, [^,]*\)$/)
  })

  it('is a client certificate where an authority is configured', async () => {
    const proofOf = ofCertificates()
    expect(proofOf(undefined)).toBeNull()
    expect(proofOf(CERTIFICATE)).toBe('client certificate CN=ops')
    const { credential } = await setUp({ clientCa: 'ca.pem' })
    expect(credential.wanted).toMatch(/^the admin token, .*, or a client certificate /)
  })

  it('is named in the audit log by the subject of its certificate, in at most 256 characters', () => {
    const proofOf = ofCertificates()
    const named = (subject: object, subjectaltname?: string) =>
      proofOf({ raw: Uint8Array.of(1), subject, ...(subjectaltname && { subjectaltname }) })
    expect(named({ CN: ['a', 'b'] })).toBe('client certificate CN=a,b')
    expect(named({}, 'DNS:ops.example')).toBe('client certificate DNS:ops.example')
    expect(named({})).toBe('client certificate ')
    expect(named({ CN: 'x'.repeat(300) })).toBe(`client certificate CN=${'x'.repeat(253)}`)
  })

  it('follows its file, and stays as it was while the file cannot be used', async () => {
    const { proofOf, write, lines } = await setUp()
    await write('short')
    await expect.poll(lines).toMatchObject([
      {
        ...{ level: 'error', event: 'admin-token-not-read' },
        reason: expect.stringContaining('must hold one token'),
      },
    ])
    expect(proofOf(TOKEN)).toBe('admin token')
    await write('another-token-of-sixteen')
    await expect
      .poll(() => lines().at(-1))
      .toMatchObject({
        ...{ level: 'info', event: 'admin-token-read' },
      })
    expect(proofOf(TOKEN)).toBeNull()
    expect(proofOf('another-token-of-sixteen')).toBe('admin token')
  })
})
