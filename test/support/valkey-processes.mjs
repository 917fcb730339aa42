// @ts-check
/*
 * Starts engines, Valkey or Redis, on loopback: one server or a cluster. Tests use it by `valkey-cluster.ts`; benches and
 * `make cluster` use it as it is, which is why it is not TypeScript.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.mjs'
import { connectEngine } from './valkey-wire.mjs'

/** Every wait of this file ends after this time, with what it waited for. A busy machine is slow. */
const DEADLINE_MS = 120_000
const POLL_MS = 25
export const SLOTS = 16_384

/** @param {string} name `valkey-server` or `redis-server` */
export function engineProgram(name = 'valkey-server') {
  const installed = fileURLToPath(new URL(`../../.interop/bin/${name}`, import.meta.url))
  return existsSync(installed) ? installed : name
}

/**
 * @typedef {object} EngineOptions
 * @property {string} [program] The engine (default: valkey-server).
 * @property {Readonly<Record<string, string>>} [settings] Beside those of the harness, or in their place; several
 *   values with spaces between.
 * @property {import('node:tls').ConnectionOptions} [tls] How the harness connects where only TLS is served.
 * @property {string} [password] What the harness logs in with, as the default user.
 * @property {string} [parent] Where the temporary directory is made (default: the system's).
 */

/**
 * @typedef {EngineOptions & { masters?: number, replicas?: number, nodeTimeoutMs?: number }} ClusterOptions
 *   `replicas`: of each master.
 */

/** One engine process. */
export class EngineNode {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  child
  /** @type {Promise<unknown>} */
  exited = Promise.resolve()
  isPaused = false
  /** @type {import('./valkey-wire.mjs').Wire | undefined} */
  wire

  /**
   * @param {string} directory
   * @param {number} port
   * @param {EngineOptions} options
   * @param {Place['note']} note
   */
  constructor(directory, port, options, note) {
    this.directory = directory
    this.port = port
    this.options = options
    this.note = note
  }

  get address() {
    return `127.0.0.1:${this.port}`
  }

  get pid() {
    return this.child?.pid
  }

  get isRunning() {
    return (
      this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null
    )
  }

  /** Starts the process and waits until it answers. */
  async start() {
    await mkdir(this.directory, { recursive: true })
    const { program = engineProgram(), settings = {}, tls } = this.options
    const all = {
      ...(tls === undefined ? { port: `${this.port}` } : { port: '0', 'tls-port': `${this.port}` }),
      bind: '127.0.0.1',
      dir: this.directory,
      logfile: join(this.directory, 'log'),
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      'maxmemory-policy': 'noeviction',
      // Otherwise the first replica waits five seconds for others.
      'repl-diskless-sync-delay': '0',
      // Redis lists a replica once its master has sent it anything: at the latest a ping, every ten seconds by default.
      'repl-ping-replica-period': '1',
      'enable-debug-command': 'local',
      ...settings,
    }
    const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, ...value.split(' ')])
    // A write beyond a file-size limit then fails, as on a full disk, and is not the end by a signal.
    const ignoring = ['-c', 'trap "" XFSZ; exec "$0" "$@"', program, ...args]
    const child = spawn('sh', ignoring, { cwd: this.directory, stdio: 'ignore' })
    this.child = child
    this.exited = new Promise((resolve) => child.once('error', resolve).once('close', resolve))
    this.isPaused = false
    await once(child, 'spawn')
    this.note(/** @type {number} */ (child.pid), this.exited)
    await until(`${this.address} answers`, async () => {
      if (!this.isRunning) {
        throw new EndedError(
          this,
          await readFile(join(this.directory, 'log'), 'utf8').catch(() => ''),
        )
      }
      return (await this.call('PING')) === 'PONG'
    })
  }

  /**
   * Calls a command of the engine. Replies are strings, numbers, null and arrays of these.
   *
   * @param {...(string | number)} args
   * @returns {Promise<any>}
   */
  async call(...args) {
    if (this.wire === undefined || this.wire.isClosed) {
      const { tls, password } = this.options
      this.wire = await connectEngine(this.port, { tls, password })
    }
    return await this.wire.call(args.map(String))
  }

  /** Ends the process, and resolves when it has ended. `start` starts it again with its data. */
  async kill(/** @type {NodeJS.Signals} */ signal = 'SIGKILL') {
    this.wire?.close()
    if (this.isRunning) {
      this.child?.kill(signal)
      this.resume()
      await this.exited
    }
  }

  /** Stops the process as SIGSTOP does: its connections stay open and silent. */
  pause() {
    this.child?.kill('SIGSTOP')
    this.isPaused = true
  }

  resume() {
    this.child?.kill('SIGCONT')
    this.isPaused = false
  }

  /** No file of the process can grow any more: for it, its disk is full. It is until the process is started again. */
  fillDisk() {
    execFileSync('prlimit', ['--pid', `${this.pid}`, '--fsize=1'])
  }

  /** @returns {Promise<string>} Its id in the cluster. */
  async id() {
    return await this.call('CLUSTER', 'MYID')
  }

  /** @returns {Promise<Record<string, string>>} The fields of `INFO`. */
  async info(section = 'all') {
    const text = /** @type {string} */ (await this.call('INFO', section))
    return fieldsOf(text)
  }
}

class EndedError extends Error {
  /**
   * @param {EngineNode} node
   * @param {string} log
   */
  constructor(node, log) {
    super(`the engine at ${node.address} ended: ${log}`)
  }
}

/** A cluster of engines. */
export class EngineCluster {
  /**
   * @param {readonly EngineNode[]} nodes
   * @param {Place} place
   */
  constructor(nodes, place) {
    this.nodes = nodes
    /** For what belongs to the cluster; it goes with it. */
    this.directory = place.directory
    /** Takes a process that ends with the cluster. */
    this.note = place.note
    /** Ends the engines and removes the directory. */
    this.close = place.close
  }

  /** `HOST:PORT` of every node, with commas between. */
  get addresses() {
    return this.nodes.map(({ address }) => address).join(',')
  }

  /** Nodes that can answer now. */
  get alive() {
    return this.nodes.filter((node) => node.isRunning && !node.isPaused)
  }

  /**
   * The nodes that serve a slot, as one node sees it: its master, then the replicas.
   *
   * @param {number} slot
   * @param {EngineNode | undefined} [node]
   * @returns {Promise<EngineNode[]>}
   */
  async nodesOf(slot, node = this.alive[0]) {
    for (const [first, last, ...serving] of (await node?.call('CLUSTER', 'SLOTS')) ?? []) {
      if (first <= slot && slot <= last) {
        return serving.map((/** @type {[string, number]} */ [, port]) => this.at(port))
      }
    }
    throw new Error(`no node serves slot ${slot}`)
  }

  /**
   * @param {number} slot
   * @returns {Promise<EngineNode>}
   */
  async masterOf(slot) {
    return /** @type {EngineNode} */ ((await this.nodesOf(slot))[0])
  }

  /** @param {number} port */
  at(port) {
    const found = this.nodes.find((node) => node.port === port)
    if (found === undefined) {
      throw new Error(`no node of the cluster has port ${port}`)
    }
    return found
  }

  /**
   * Moves a slot to another master, as resharding does. `during` runs while it is neither wholly here nor there: the
   * keys that were there have not moved yet.
   *
   * @param {number} slot
   * @param {EngineNode} to
   * @param {() => unknown} [during]
   */
  async moveSlot(slot, to, during) {
    const from = await this.masterOf(slot)
    const [fromId, toId] = await Promise.all([from.id(), to.id()])
    await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
    await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
    await during?.()
    for (;;) {
      const keys = await from.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)
      if (keys.length === 0) {
        break
      }
      await from.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys)
    }
    await to.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
    await from.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
    await until('every node knows where the slot is', async () => {
      const masters = this.alive.map(async (node) => (await this.nodesOf(slot, node))[0])
      return (await Promise.all(masters)).every((master) => master === to)
    })
  }

  /** Whether every living node sees all of them and all slots, and every living replica follows its master. */
  async isWhole() {
    const states = await Promise.all(
      this.alive.map(async (node) => {
        const ranges = await node.call('CLUSTER', 'SLOTS')
        const serving = ranges.flatMap((/** @type {any[]} */ [, , ...nodes]) =>
          nodes.map(([, port]) => port),
        )
        if (new Set(serving).size !== this.alive.length) {
          return false
        }
        const state = fieldsOf(await node.call('CLUSTER', 'INFO')).cluster_state
        const { role, master_link_status } = await node.info('replication')
        return state === 'ok' && (role === 'master' || master_link_status === 'up')
      }),
    )
    return states.every(Boolean)
  }

  /** Waits until the cluster is whole. */
  async settled() {
    await until('the cluster is whole', () => this.isWhole())
  }
}

/**
 * Starts one engine, not in cluster mode. `close` ends it and removes what it wrote.
 *
 * @param {EngineOptions} [options]
 */
export async function startEngine(options = {}) {
  const place = await makePlace(options.parent)
  try {
    const [node] = await startNodes(place, 1, options)
    return Object.assign(/** @type {EngineNode} */ (node), { close: place.close })
  } catch (error) {
    await place.close()
    throw error
  }
}

/**
 * Starts a cluster and waits until it is whole.
 *
 * @param {ClusterOptions} [options]
 */
export async function startCluster({
  masters = 3,
  replicas = 1,
  nodeTimeoutMs = 2000,
  ...options
} = {}) {
  const place = await makePlace(options.parent)
  try {
    const settings = {
      'cluster-enabled': 'yes',
      'cluster-node-timeout': `${nodeTimeoutMs}`,
      ...options.settings,
    }
    const nodes = await startNodes(place, masters * (1 + replicas), { ...options, settings })
    const cluster = new EngineCluster(nodes, place)
    await form(nodes, masters)
    await cluster.settled()
    return cluster
  } catch (error) {
    await place.close()
    throw error
  }
}

/**
 * @typedef {object} Place A temporary directory with engines in it.
 * @property {string} directory
 * @property {(pid: number, exited: Promise<unknown>) => void} note Takes each engine that is started.
 * @property {() => Promise<void>} close Ends the engines and removes the directory.
 */

/**
 * The engines end and the directory goes also where this process is killed: a shell of its own waits for the end of the
 * pipe that it reads their ids from.
 *
 * @param {string} [parent]
 * @returns {Promise<Place>}
 */
async function makePlace(parent = tmpdir()) {
  const directory = await mkdtemp(join(parent, 'sessiond-valkey-'))
  const script = 'while read -r pid; do pids="$pids $pid"; done; kill -KILL $pids; rm -rf "$0"'
  const keeper = spawn('sh', ['-c', script, directory], {
    // A group of its own: it outlives a Ctrl-C.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  keeper.stdin.on('error', () => {})
  const ended = new Promise((resolve) => keeper.once('error', resolve).once('close', resolve))
  /** @type {Promise<unknown>[]} */
  const exits = []
  return {
    directory,
    note: (pid, exited) => {
      keeper.stdin.write(`${pid}\n`)
      exits.push(exited)
    },
    close: async () => {
      keeper.stdin.end()
      await Promise.all([ended, ...exits])
    },
  }
}

/**
 * @param {Place} place
 * @param {number} count
 * @param {EngineOptions} options
 */
async function startNodes(place, count, options) {
  const nodes = []
  for (let i = 1; i <= count; i++) {
    nodes.push(startNode(join(place.directory, `node-${i}`), options, place.note))
  }
  return await Promise.all(nodes)
}

/**
 * @param {string} directory
 * @param {EngineOptions} options
 * @param {Place['note']} note
 */
async function startNode(directory, options, note) {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const settings = { 'cluster-port': `${await freePort()}`, ...options.settings }
    const node = new EngineNode(directory, port, { ...options, settings }, note)
    try {
      await node.start()
      return node
    } catch (error) {
      // Another program may have taken the port since.
      if (attempt === 5 || !/bind|in use/.test(`${error}`)) {
        throw error
      }
    }
  }
}

/**
 * Makes one cluster of nodes that know nothing of each other: the first are masters, the others their replicas in turns.
 *
 * @param {readonly EngineNode[]} nodes
 * @param {number} masters
 */
async function form(nodes, masters) {
  const first = /** @type {EngineNode} */ (nodes[0])
  await Promise.all(
    nodes.slice(0, masters).map((node, i) => {
      const from = Math.ceil((SLOTS / masters) * i)
      const to = Math.ceil((SLOTS / masters) * (i + 1)) - 1
      return node.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
    }),
  )
  // Different epochs from the start, so that the masters need not find them by collisions.
  await Promise.all(nodes.map((node, i) => node.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)))
  for (const node of nodes.slice(1)) {
    const { 'cluster-port': busPort = '' } = node.options.settings ?? {}
    await first.call('CLUSTER', 'MEET', '127.0.0.1', node.port, busPort)
  }
  await until('every node knows every other', async () => {
    const known = await Promise.all(
      nodes.map(async (node) => fieldsOf(await node.call('CLUSTER', 'INFO')).cluster_known_nodes),
    )
    return known.every((count) => count === `${nodes.length}`)
  })
  const ids = await Promise.all(nodes.slice(0, masters).map((node) => node.id()))
  await Promise.all(
    nodes.slice(masters).map(async (node, i) => {
      await until(`${node.address} is a replica`, async () => {
        // A node that it met just now may still be without its name.
        return (await node.call('CLUSTER', 'REPLICATE', ids[i % masters] ?? '')) === 'OK'
      })
    }),
  )
}

/**
 * Asks until it is so. Errors count as not yet, but those of an engine that ended.
 *
 * @param {string} what
 * @param {() => Promise<boolean>} isSo
 */
export async function until(what, isSo) {
  const endMs = performance.now() + DEADLINE_MS
  for (;;) {
    let problem = ''
    try {
      if (await isSo()) {
        return
      }
    } catch (error) {
      if (error instanceof EndedError) {
        throw error
      }
      problem = `: ${/** @type {Error} */ (error).message}`
    }
    if (performance.now() > endMs) {
      throw new Error(`waited ${DEADLINE_MS} ms until ${what}${problem}`)
    }
    await sleep(POLL_MS)
  }
}

/**
 * The fields of `INFO` and `CLUSTER INFO`.
 *
 * @param {string} text
 * @returns {Record<string, string>}
 */
function fieldsOf(text) {
  return Object.fromEntries(
    text
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}
