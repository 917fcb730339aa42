import { status } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { remoteCommands } from '../../../src/bridge/bridge.js'
import { type CallOptions, RefusedError, type SessionsClient } from '../../../src/client/index.js'
import { BROWSER } from '../../support/sessions.js'

/** The commands of a server that has no room for any call, and says so. */
function withoutRoom(reason: string, message: string) {
  const refuse = () => Promise.reject(new RefusedError(status.RESOURCE_EXHAUSTED, reason, message))
  const client = { address: 'far:1', open: refuse, get: refuse, list: refuse }
  return remoteCommands(client as unknown as SessionsClient<string>, () => {})
}

it('waits ten minutes for a sweep, and not as for other calls', async () => {
  const asked: (CallOptions | undefined)[] = []
  const client = {
    address: 'far:1',
    closeExpired: async (options?: CallOptions) => void asked.push(options),
  }
  await remoteCommands(client as unknown as SessionsClient<string>, () => {}).closeExpired()
  expect(asked).toEqual([{ deadlineMs: 600_000 }])
})

describe('a call for which the server has no room', () => {
  it.each([
    'Received message larger than max (70000 vs 65536)',
    'Received message that decompresses to a size larger than 65536',
  ])('names what is too large where it is told: %s', async (message) => {
    const commands = withoutRoom('RESOURCE_EXHAUSTED', message)
    await expect(commands.open(BROWSER)).rejects.toMatchObject({
      code: 'INVALID_FIELD',
      field: 'data',
    })
    for (const refused of [commands.get('x'), commands.list({})]) {
      await expect(refused).rejects.toMatchObject({
        code: 'MALFORMED',
        message: 'arguments: are together larger than the server takes',
      })
    }
  })

  it.each([
    ['RESOURCE_EXHAUSTED', 'Bandwidth exhausted or memory limit exceeded'],
    ['QUOTA_EXCEEDED', 'this owner already has 3 open sessions'],
  ])('is refused as it was, for any other reason: %s', async (code, message) => {
    const commands = withoutRoom(code, message)
    for (const refused of [commands.open(BROWSER), commands.get('x')]) {
      await expect(refused).rejects.toMatchObject({ code, message })
    }
  })
})
