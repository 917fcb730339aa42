// @ts-check
/*
 * `make cluster`: six engines and two servers on loopback, to try by hand. Everything is in a temporary directory, and nothing
 * is left when it ends.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startCluster } from './valkey-processes.mjs'

const CLI = relative('', fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)))

console.log('Starting six engines and two servers …')
const cluster = await startCluster()
const key = join(cluster.directory, 'owner.key')
const ended = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
try {
  // One after the other: the first makes the keys that both have.
  const servers = [await startServer('a'), await startServer('b')]
  console.log(await explain(servers))
  await ended
} finally {
  await cluster.close()
}

/** @param {readonly { pid: number | undefined, grpc: string, http: string }[]} servers */
async function explain([a, b]) {
  const nodes = await Promise.all(
    cluster.nodes.map(async (node) => {
      const { role, master_port: of } = await node.info('replication')
      const part = role === 'master' ? 'master' : `replica of 127.0.0.1:${of}`
      return `  ${node.address}  pid ${node.pid}  ${part}`
    }),
  )
  const master = await cluster.masterOf(0)
  return `
In ${cluster.directory}:

${nodes.join('\n')}
  server A  pid ${a?.pid}  gRPC ${a?.grpc}  page ${a?.http}
  server B  pid ${b?.pid}  gRPC ${b?.grpc}  page ${b?.http}

To try, in another terminal:

  node ${CLI} keygen --out ${key}
  node ${CLI} create --server ${a?.grpc} --key ${key}    # opened through A
  node ${CLI} sessions list --server ${b?.grpc}    # and listed through B
  kill -9 ${a?.pid}    # a server dies; the other goes on
  kill -9 ${master.pid}    # a master dies: its replica takes over. Its sessions are read; writes wait for a replica
  kill -STOP ${master.pid}; sleep 5; kill -CONT ${master.pid}    # or a master falls silent, and comes back
  redis-cli -c -p ${master.port} cluster nodes    # or valkey-cli: how the engines see it

Ctrl-C ends it and removes everything.`
}

/**
 * Starts a server, and returns what its ready line says.
 *
 * @param {string} name
 * @returns {Promise<{ pid: number | undefined, grpc: string, http: string }>}
 */
async function startServer(name) {
  const addresses = ['--grpc', '127.0.0.1:0', '--http', '127.0.0.1:0', '--seneca', 'off']
  const shared = ['identity-key', 'sealing-keys'].flatMap((file) => [
    `--${file}`,
    join(cluster.directory, file),
  ])
  const child = spawn(
    process.execPath,
    [
      ...[CLI, 'serve', '--store', `valkey://${cluster.addresses}`],
      ...['--data-dir', join(cluster.directory, `server-${name}`)],
      ...shared,
      ...addresses,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  cluster.note(/** @type {number} */ (child.pid), once(child, 'exit'))
  const lines = createInterface(child.stdout)
  for await (const line of lines) {
    const { event, grpc, http } = JSON.parse(line)
    if (event === 'ready') {
      // What it logs from now on is nobody's concern here.
      child.stdout.resume()
      return { pid: child.pid, grpc, http }
    }
  }
  throw new Error(`server ${name} ended before it was ready`)
}
