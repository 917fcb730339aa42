import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { connect, SessionsClient } from '../../../src/client/index.js'
import { connectActs } from '../../support/acts.js'
import { startTestNode } from '../../support/node.js'
import { temporaryDirectory } from '../../support/process.js'

const directory = await temporaryDirectory(afterAll)

it('writes whom a command came from in one form, whatever the transport', async () => {
  // An address with colons, which is loopback also where there is no ::1.
  const host = '[::ffff:127.0.0.1]:0'
  const node = await startTestNode(directory, {
    grpc: host,
    http: host,
    seneca: `tcp://${host},http://${host}`,
  })
  const [tcp = '', act = ''] = node.addresses.seneca
  const body = (args: object) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(args),
  })
  const connection = connect(onIPv4(node.addresses.grpc), { serverKeys: 'any' })
  const sessions = new SessionsClient(connection)
  const acts = await connectActs(onIPv4(tcp))
  try {
    const opened = []
    for (let i = 0; i < 4; i++) {
      const session = await sessions.open({ userId: `user ${i}`, address: 'here', client: 'app' })
      opened.push(session.id)
    }
    const [first = '', second, third, fourth] = opened
    await sessions.close(first)
    await acts.act('close_session', { session_id: second })
    const close = { role: 'sessions', cmd: 'close_session', session_id: third }
    expect((await fetch(`${onIPv4(act)}/act`, body(close))).status).toBe(200)
    const commandable = `${onIPv4(`${node.addresses.http}`)}/v1/sessions/close_session`
    expect((await fetch(commandable, body({ session_id: fourth }))).status).toBe(200)
  } finally {
    acts.close()
    connection.close()
    await node.close()
  }

  const lines = (await readFile(join(directory, 'audit.jsonl'), 'utf8')).trim().split('\n')
  const entries = lines.map((line) => JSON.parse(line))
  expect(entries.map(({ who }) => who)).toEqual([
    'gRPC on loopback',
    'seneca',
    'seneca',
    'HTTP on loopback',
  ])
  for (const { from } of entries) {
    expect(from).toMatch(/^\[::ffff:127\.0\.0\.1\]:\d+$/)
  }
})

/** The same address, as a client writes it that asks for a name of this machine. */
function onIPv4(address: string): string {
  return address.replace('[::ffff:127.0.0.1]', '127.0.0.1')
}
