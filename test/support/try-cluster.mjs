// @ts-check
/*
 * `make cluster`: six engines on loopback, to try by hand. Everything is in a temporary directory, and nothing is left when
 * it ends.
 */
import { once } from 'node:events'
import { SLOTS, startCluster } from './valkey-processes.mjs'

console.log('Starting six engines …')
const cluster = await startCluster()
const shown = await Promise.all(
  cluster.nodes.map(async (node) => {
    const { role, master_port } = await node.info('replication')
    return `  ${node.address}  pid ${node.pid}  ${role === 'master' ? 'master' : `replica of 127.0.0.1:${master_port}`}`
  }),
)
const master = await cluster.masterOf(0)
console.log(`
A cluster of three masters, each with a replica, in ${cluster.directory}:

${shown.join('\n')}

To try, in another terminal:

  valkey-cli -c -p ${master.port} cluster shards     # or redis-cli: what the cluster looks like
  kill -9 ${master.pid}                          # a master dies; its replica takes over in a few seconds
  kill -STOP ${master.pid}; sleep 5; kill -CONT ${master.pid}    # or falls silent, and comes back

Its ${SLOTS} slots are served by ${cluster.addresses}.
Ctrl-C ends it and removes everything.`)

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
await cluster.close()
