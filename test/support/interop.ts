import { join } from 'node:path'
import { it } from 'vitest'
import { sessiond, startServer, temporaryDirectory } from './process.js'

/**
 * A test with a server in a process of its own, which all tests of the file share, and a request
 * that it has not seen.
 */
export const itServed = it
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it what the fixture depends on
  .extend('directory', { scope: 'file' }, async ({}, { onCleanup }) =>
    temporaryDirectory(onCleanup),
  )
  .extend('server', { scope: 'file' }, async ({ directory }, { onCleanup }) => {
    const server = await startServer({ dataDir: join(directory, 'data') })
    onCleanup(async () => {
      await server.stop()
    })
    const identity = await printed(['identity', '--data-dir', join(directory, 'data')])
    return {
      address: server.ready.grpc,
      http: server.ready.http,
      publicKey: identity.trim(),
    }
  })
  // A `session.CreateRequest` as `sessiond request` prints it, signed by a new owner.
  .extend('request', async ({ directory, task }) => {
    const key = join(directory, `${task.id}.key`)
    await printed(['keygen', '--out', key])
    return printed(['request', '--key', key, '--lifetime', '1h'])
  })

async function printed(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await sessiond(args)
  if (code !== 0) {
    throw new Error(`sessiond ${args.join(' ')} ended with ${code}: ${stderr}`)
  }
  return stdout
}

/** The same request, with another end of the lifetime than was signed. */
export function withExp(request: string, change: (exp: bigint) => bigint): string {
  const json = JSON.parse(request)
  json.body.lifetime.exp = `${change(BigInt(json.body.lifetime.exp))}`
  return JSON.stringify(json)
}
