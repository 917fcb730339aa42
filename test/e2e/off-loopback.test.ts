import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, SessionsClient } from '../../src/client/index.js'
import type { Node } from '../../src/server/start.js'
import { createClient, createRequest } from '../support/create.js'
import { startTestNode } from '../support/node.js'
import { temporaryDirectory } from '../support/process.js'

const dataDir = await temporaryDirectory(afterAll)

describe('a server that is bound to every address', () => {
  let node: Node
  let address: string
  beforeAll(async () => {
    node = await startTestNode(dataDir, { grpc: '0.0.0.0:0', plaintext: 'yes' })
    address = node.addresses.grpc.replace('0.0.0.0', '127.0.0.1')
  })
  afterAll(() => node.close())

  it('opens sessions for whoever can sign', async () => {
    const client = createClient(address)
    await expect(client.create(createRequest())).resolves.toHaveProperty('id')
    client.close()
  })

  // Trust follows the address that is bound, not the caller's, which is loopback here.
  it('does not serve the sessions commands, which ask for no credential', async () => {
    const connection = connect(address, { serverKeys: 'any' })
    await expect(new SessionsClient(connection).list({})).rejects.toThrow(
      'does not serve the sessions commands',
    )
    connection.close()
  })
})
