import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { credentials } from '@grpc/grpc-js'
import { expect, it, onTestFinished } from 'vitest'
import { createClient, createRequest } from '../support/create.js'
import { startServer, temporaryDirectory } from '../support/process.js'
import { tlsSetup } from '../support/tls.js'

const isLong = process.env.SESSIOND_TEST_LONG === '1'
/** Each takes a second or so: that is how often the files are looked at. */
const ROTATIONS = isLong ? 60 : 4
const CALLERS = 4

it('replaces its certificate under load, and no call fails', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  const tls = await tlsSetup(directory)
  const server = await startServer({ dataDir: join(directory, 'data'), args: tls.serveArgs })
  onTestFinished(async () => {
    await server.stop()
  })
  const { grpc, http } = server.ready
  // By name: grpc-js of itself reaches no address over TLS on Node 26.
  const byName = grpc.replace('127.0.0.1', 'localhost')
  const trusting = () => credentials.createSsl(Buffer.from(tls.authority.cert))
  const calls = { lasting: 0, fresh: 0 }
  let isOver = false

  /** Calls again and again over one connection, which outlives every certificate. */
  async function callOverOne(): Promise<void> {
    const client = createClient(byName, trusting())
    while (!isOver) {
      await client.create(createRequest())
      calls.lasting++
    }
    client.close()
  }
  /** Makes a connection for each call. */
  async function callOverMany(): Promise<void> {
    while (!isOver) {
      const client = createClient(byName, trusting())
      await client.create(createRequest())
      client.close()
      calls.fresh++
    }
  }
  const load = Promise.all(
    Array.from({ length: CALLERS }, () => [callOverOne(), callOverMany()]).flat(),
  )
  // A failed call shows at once, not at the end.
  const failed = new Promise<never>((_, reject) => load.catch(reject))

  const ports = [grpc, new URL(http).host].map((host) => Number(host.split(':')[1]))
  for (let i = 0; i < ROTATIONS; i++) {
    const before = { ...calls }
    const { serialNumber } = await tls.rotate()
    await Promise.race([server.event('tls-read', { serial_number: serialNumber }), failed])
    for (const port of ports) {
      expect(await serialNumberShownAt(port, tls.authority.cert)).toBe(serialNumber)
    }
    await expect.poll(() => calls.lasting > before.lasting && calls.fresh > before.fresh).toBe(true)
  }
  isOver = true
  await load
  expect(await server.stop()).toMatchObject({ stderr: '' })
}, 300_000)

function serialNumberShownAt(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, ca, ALPNProtocols: ['h2', 'http/1.1'] })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
  })
}
