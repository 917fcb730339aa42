import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { connect } from 'node:tls'
import { describe, expect, it } from 'vitest'
import type { Tls } from '../../../src/credentials/tls.js'
import { createHttpServer } from '../../../src/http/server.js'
import { newAuthority } from '../../support/certificates.js'
import { listenLocally } from '../../support/listen.js'
import { fixedTls } from '../../support/tls.js'

const authority = newAuthority()

/** The serial number of the certificate that a server shows. */
async function shownBy(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ca: authority.cert })
  await once(socket, 'secureConnect')
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

describe('the HTTP server with TLS', () => {
  it('shows the next connection the certificate that its files have by then', async () => {
    const [first, second] = [authority.issue(), authority.issue()]
    let change: Parameters<Tls['onChange']>[0] = () => {}
    const tls: Tls = {
      ...fixedTls(first),
      onChange(listener) {
        change = listener
      },
    }
    const port = await listenLocally(createHttpServer(tls, {}, () => {}))
    expect(await shownBy(port)).toBe(first.serialNumber)
    change(fixedTls(second).current())
    expect(await shownBy(port)).toBe(second.serialNumber)
  })

  it('ends a connection whose handshake takes longer than headers may', async () => {
    const options = { headersTimeout: 50 }
    const server = createHttpServer(fixedTls(authority.issue()), options, () => {})
    const socket = connectSocket(await listenLocally(server), '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'close')
  })
})
