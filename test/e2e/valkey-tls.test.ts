import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Authority, type Certified, newAuthority } from '../support/certificates.js'
import { spawnServer, startServer, temporaryDirectory } from '../support/process.js'
import { isHere, REDIS, startValkey, until } from '../support/valkey-cluster.js'

/** Certificates in files of their own. The engine is one that asks its clients for a certificate. */
async function mutualTls() {
  const directory = await temporaryDirectory(onTestFinished)
  const file = (name: string) => join(directory, name)
  const write = async (name: string, text: string) => {
    await writeFile(file(`${name}.new`), text)
    await rename(file(`${name}.new`), file(name))
    return file(name)
  }
  const authority = newAuthority()
  const engineOwn = authority.issue()
  const [cert, key, ca] = await Promise.all([
    write('engine.crt', engineOwn.cert),
    write('engine.key', engineOwn.key),
    write('ca.crt', authority.cert),
  ])
  const engine = await startValkey(onTestFinished, {
    program: REDIS.program,
    tls: { ca: authority.cert, ...authority.issue({ usage: 'client' }) },
    settings: {
      ...{ 'tls-cert-file': cert, 'tls-key-file': key, 'tls-ca-cert-file': ca },
      'tls-auth-clients': 'yes',
    },
  })
  const store = [
    ...['--store', `valkeys://${engine.address}`, '--store-replicas', '0', '--store-ca', ca],
    ...['--store-timeout', '5s'],
  ]
  const shown = async (name: string, own: Certified) => [
    ...['--store-tls-cert', await write(`${name}.crt`, own.cert)],
    ...['--store-tls-key', await write(`${name}.key`, own.key)],
  ]
  /** What a server says that cannot start so. */
  const refusal = async (args: readonly string[]) => {
    const server = spawnServer({ dataDir: file('refused'), args: [...store, ...args] })
    onTestFinished(async () => void (await server.stop('SIGKILL')))
    const { code, stderr } = await server.exited
    expect(code).toBeGreaterThan(0)
    return stderr
  }
  return { authority, engine, file, write, store, shown, refusal }
}

const clientOf = (authority: Authority) => authority.issue({ usage: 'client' })

// The Valkey of the tests is built without TLS.
describe.skipIf(!isHere(REDIS))('an engine that asks for a client certificate', () => {
  it('is served with one that its authority has signed, and follows the files when they are replaced', async () => {
    const { authority, engine, file, write, store, shown } = await mutualTls()
    const server = await startServer({
      dataDir: file('data'),
      args: [...store, ...(await shown('client', clientOf(authority)))],
    })
    onTestFinished(async () => void (await server.stop('SIGKILL')))
    const isReady = async () => (await fetch(`${server.ready.http}/readyz`)).status === 200
    expect(await isReady()).toBe(true)
    const dropAll = () => engine.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')

    // The engine trusts another authority from now on.
    const next = newAuthority()
    await engine.call('CONFIG', 'SET', 'tls-ca-cert-file', await write('next-ca.crt', next.cert))
    await dropAll()
    await until('it is refused', async () => !(await isReady()))
    const { cert, key } = clientOf(next)
    await write('client.crt', cert)
    const { reason } = await server.event('store-tls-not-read')
    expect(reason).toBe(
      `${file('client.key')}: is not the key of the certificate in ${file('client.crt')}`,
    )
    await write('client.key', key)
    await until('it is served', isReady)
    expect((await server.stop()).code).toBe(0)
  })

  it('refuses others, and a server says why, and what would help', async () => {
    const { authority, write, file, shown, refusal } = await mutualTls()
    const none = await refusal([])
    expect(none).toMatch(/the engine ended the TLS handshake/)
    expect(none).toMatch(/--store-tls-cert/)
    const ofStranger = await refusal(await shown('stranger', clientOf(newAuthority('strangers'))))
    expect(ofStranger).toMatch(/the engine ended the TLS handshake: .*unknown ca/)
    const own = await shown('own', clientOf(authority))
    await write('own.key', clientOf(authority).key)
    expect(await refusal(own)).toMatch(
      `${file('own.key')}: is not the key of the certificate in ${file('own.crt')}`,
    )
  })
})
