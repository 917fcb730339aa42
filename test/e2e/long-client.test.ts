import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, SessionsClient } from '../../src/client/index.js'
import type { Node } from '../../src/server/start.js'
import { type ActClient, connectActs } from '../support/acts.js'
import { createClient, createRequest } from '../support/create.js'
import { startTestNode } from '../support/node.js'
import { temporaryDirectory } from '../support/process.js'
import { suiteEnd } from '../support/suite-end.js'

/** User agents have several hundred bytes; this has the most that is taken. */
const CLIENT = 'é'.repeat(512)

const dataDir = await temporaryDirectory(afterAll)
let node: Node
let acts: ActClient
let sessions: SessionsClient

const atEnd = suiteEnd()
beforeAll(async () => {
  node = await startTestNode(dataDir, { seneca: 'tcp://127.0.0.1:0' })
  acts = await connectActs(`${node.addresses.seneca[0]}`)
  const connection = connect(node.addresses.grpc, { serverKeys: 'any' })
  sessions = new SessionsClient(connection)
  atEnd(async () => {
    acts.close()
    connection.close()
    await node.close()
  })
})

describe('a client of 1,024 bytes', () => {
  it('is kept by Create as the x-header has it', async () => {
    const creates = createClient(node.addresses.grpc)
    const { id } = await creates.create(createRequest({ xHeaders: { client: CLIENT } }))
    creates.close()
    await expect(sessions.get(id)).resolves.toMatchObject({ client: CLIENT })
  })

  it('finds its session again over Seneca and gRPC, and closes it', async () => {
    const place = { address: '192.0.2.1', client: CLIENT }
    const opened = await acts.act('open_session', { user_id: 'alice', ...place })
    const again = await sessions.open({ userId: 'alice', ...place })
    expect(opened).toMatchObject({ id: again.id, client: CLIENT })
    await sessions.closeOpened('alice', place.address, CLIENT)
    await expect(sessions.get(again.id)).resolves.toMatchObject({ active: false })
  })
})

it('a client of one byte more is refused by its name', async () => {
  const client = `${CLIENT}x`
  const refusal = { code: 'INVALID_FIELD', message: 'client has 1025 bytes; it may have 1024' }
  await expect(sessions.open({ userId: 'bob', address: '', client })).rejects.toMatchObject(refusal)
  await expect(acts.act('open_session', { user_id: 'bob', client })).rejects.toMatchObject({
    code: 'INVALID_FIELD',
  })
})
