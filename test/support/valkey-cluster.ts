import { haveTool } from './tools.js'
import {
  type ClusterOptions,
  type EngineCluster,
  type EngineNode,
  type EngineOptions,
  engineProgram,
  startCluster,
  startEngine,
} from './valkey-processes.mjs'

export { type EngineCluster, type EngineNode, SLOTS, until } from './valkey-processes.mjs'

/** Engines that can be started here, by their names in the titles of tests. A suite runs over each, or is skipped. */
export const ENGINES: readonly { readonly name: string; readonly program: string }[] = [
  { name: 'valkey', program: engineProgram('valkey-server') },
  { name: 'redis', program: engineProgram('redis-server') },
].filter(({ name, program }) => haveTool(name, [program, '--version']))

/** Whether Valkey can be started here. */
export const haveValkey = ENGINES.some(({ name }) => name === 'valkey')

type AtEnd = (close: () => Promise<void>) => void

/** One engine without cluster mode, until the test or suite ends: `startValkey(onTestFinished)` or `(afterAll)`. */
export async function startValkey(atEnd: AtEnd, options: EngineOptions = {}): Promise<EngineNode> {
  const engine = await startEngine(options)
  atEnd(engine.close)
  return engine
}

/** A cluster of three masters with a replica each, unless told otherwise, until the test or suite ends. */
export async function startValkeyCluster(
  atEnd: AtEnd,
  options: ClusterOptions = {},
): Promise<EngineCluster> {
  const cluster = await startCluster(options)
  atEnd(cluster.close)
  return cluster
}
