import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { uuidBytes } from '../../src/core/uuid.js'
import { createClient, createRequest, inFlight, newOwner } from '../support/create.js'
import { startServer, temporaryDirectory } from '../support/process.js'
import { answersAheadOfDisk, type TracedSession, traceTo } from '../support/strace.js'
import { haveTool } from '../support/tools.js'

const UNSYNCED = fileURLToPath(new URL('../support/unsynced-server.mjs', import.meta.url))

/** Opens sessions on a server under strace, and returns them with the trace of its whole life. */
async function traced(width: number, sessions: number, entry?: string) {
  const directory = await temporaryDirectory(onTestFinished)
  const file = join(directory, 'trace')
  const server = await startServer({
    dataDir: join(directory, 'data'),
    wrapper: traceTo(file),
    ...(entry !== undefined && { entry }),
  })
  const client = createClient(server.ready.grpc)
  const created: TracedSession[] = []
  await inFlight(width, sessions, async (i) => {
    const xHeaders: Record<string, string> = i % 2 === 0 ? { 'idempotency-key': `${i}` } : {}
    const { id } = await client.create(createRequest({ signer: newOwner(), xHeaders }))
    created.push({ name: id, stored: Buffer.from(id), answered: uuidBytes(id) })
  })
  client.close()
  expect(await server.stop()).toMatchObject({ code: 0, signal: null })
  expect(created).toHaveLength(sessions)
  return { trace: await readFile(file, 'utf8'), created }
}

describe.skipIf(!haveTool('strace', ['strace', '--version']))('under strace', () => {
  it.each([
    [64, 512],
    [1, 32],
  ])('with %i in flight every answer waits for the log on disk', async (width, sessions) => {
    const { trace, created } = await traced(width, sessions)
    expect(answersAheadOfDisk(trace, created)).toEqual([])
  })

  it.each([
    [64, 512],
    [1, 32],
  ])('with %i in flight a server without fsync is found out', async (width, sessions) => {
    const { trace, created } = await traced(width, sessions, UNSYNCED)
    expect(answersAheadOfDisk(trace, created)).toEqual(
      created.map(() => expect.stringContaining('no sync between')),
    )
  })
})
