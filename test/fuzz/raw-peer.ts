import { once } from 'node:events'
import { connect } from 'node:net'

/** Sends bytes and no more, and returns what is answered until the listener closes the connection. */
export async function sendAll(port: number, bytes: Uint8Array): Promise<Buffer> {
  const { socket, chunks, closed } = await open(port)
  socket.end(bytes)
  await closed
  return Buffer.concat(chunks)
}

/**
 * Sends bytes to a listener, and returns what it answers until it closes the connection or
 * `isServed`, a good exchange behind the bytes, has ended.
 */
export async function sendRaw(
  port: number,
  bytes: Uint8Array,
  isServed: () => Promise<unknown>,
): Promise<Buffer> {
  const { socket, chunks, closed } = await open(port)
  socket.write(bytes)
  // Behind the bytes: the listener has them before it is asked the second time.
  await isServed()
  await Promise.race([closed, isServed()])
  socket.destroy()
  await closed
  return Buffer.concat(chunks)
}

let opened = 0

/** From an address that was long not used: a listener may keep out whoever sends it nonsense. */
async function open(port: number) {
  opened++
  const localAddress = `127.1.${Math.floor(opened / 250) % 250}.${(opened % 250) + 1}`
  const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
  // That the listener resets the connection is no error of the test's.
  socket.on('error', () => {})
  await once(socket, 'connect')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  return { socket, chunks, closed }
}
