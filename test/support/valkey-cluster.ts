import { describe } from 'vitest'
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

export interface Engine {
  readonly name: string
  readonly program: string
}

const engine = (name: string): Engine => ({ name, program: engineProgram(`${name}-server`) })

export const VALKEY = engine('valkey')
export const REDIS = engine('redis')

/** Whether it can be started here. Each suite asks for itself, so that it is named where it is skipped. */
export const isHere = ({ name, program }: Engine) => haveTool(name, [program, '--version'])
export const haveValkey = () => isHere(VALKEY)

/** A suite over each engine, skipped for one that is not here. Its title ends with the engine's name. */
export function describeEngines(
  title: string,
  suite: (engine: Engine) => void,
  engines: readonly Engine[] = [VALKEY, REDIS],
): void {
  for (const engine of engines) {
    describe.skipIf(!isHere(engine))(`${title} ${engine.name}`, () => suite(engine))
  }
}

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
