import { Worker } from 'node:worker_threads'
import type { SeededSigner } from '../crypto/ed25519.js'
import type { SealingKeys } from '../crypto/seal.js'
import { decodeOutcomes, encodeJobs } from './batch.js'
import type { MintJob, MintOutcome } from './job.js'
import { runJob } from './run.js'
import type { KeysMessage } from './serve.js'

/** Small enough that a thread which is behind can be helped with the rest. */
const MAX_BATCH_JOBS = 32
/** One that a thread works on, and one for it to find when it has done that. */
const MAX_BATCHES = 2
/** How long this thread works on jobs before others of the event loop have their turn. */
const TURN_MS = 2
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 10_000

/** What the jobs are done with now: asked for each batch. */
export interface PoolKeys {
  readonly sealing: SealingKeys
  readonly identity: SeededSigner
}

/** The part of a worker thread that the pool uses. */
export interface ThreadPort {
  postMessage(message: ArrayBuffer | KeysMessage, transfer?: ArrayBuffer[]): void
  on(event: 'message', listener: (message: ArrayBuffer | 'ready') => void): unknown
  on(event: 'error', listener: (cause: Error) => void): unknown
  on(event: 'exit', listener: () => void): unknown
  terminate(): Promise<unknown>
}

interface Pending {
  readonly job: MintJob
  readonly resolve: (outcome: MintOutcome) => void
  readonly reject: (error: unknown) => void
}

interface Batch {
  readonly pending: readonly Pending[]
  readonly signer: Uint8Array
}

interface Thread {
  readonly port: ThreadPort
  isReady: boolean
  sent: PoolKeys | null
  readonly batches: Batch[]
}

export interface PoolOptions {
  /** How many threads beside this one; 0: all is done here. */
  readonly threads: number
  readonly keys: () => PoolKeys
  /** A thread ended; its jobs are done here, and another takes its place. */
  readonly onThreadLost: (cause: unknown) => void
  /** Default: a worker thread. */
  readonly start?: () => ThreadPort
}

/**
 * Does the cryptography of Creates in worker threads, in batches. This thread takes part while the others
 * have all that they take, and does a job alone where nothing else is to be done: a way to another thread
 * and back costs more than is gained then.
 */
export class MintingPool {
  private readonly threads = new Set<Thread>()
  private readonly queue: Pending[] = []
  private isTurnDue = false
  private isClosed = false
  private retryMs = FIRST_RETRY_MS

  constructor(private readonly options: PoolOptions) {
    for (let i = 0; i < options.threads; i++) {
      this.start()
    }
  }

  /** Rejects with SealError where the sealing key is not at hand. */
  run(job: MintJob): Promise<MintOutcome> {
    return new Promise((resolve, reject) => {
      this.queue.push({ job, resolve, reject })
      this.dueTurn()
    })
  }

  /** Ends the threads. Jobs that are under way are done here. */
  async close(): Promise<void> {
    this.isClosed = true
    await Promise.all([...this.threads].map(({ port }) => port.terminate()))
  }

  private dueTurn(): void {
    if (!this.isTurnDue) {
      this.isTurnDue = true
      setImmediate(() => this.turn())
    }
  }

  /** Whatever came in one turn of the event loop goes in one batch. */
  private turn(): void {
    this.isTurnDue = false
    if (this.queue.length > 1 || this.isAnyBusy()) {
      this.handOut()
    }
    const startedAtMs = performance.now()
    do {
      const next = this.queue.shift()
      if (next === undefined) {
        return
      }
      this.runHere(next)
    } while (performance.now() - startedAtMs < TURN_MS)
    this.dueTurn()
  }

  private isAnyBusy(): boolean {
    for (const { batches } of this.threads) {
      if (batches.length > 0) {
        return true
      }
    }
    return false
  }

  private handOut(): void {
    for (const thread of this.threads) {
      while (thread.isReady && this.queue.length > 0 && thread.batches.length < MAX_BATCHES) {
        this.send(thread, this.queue.splice(0, MAX_BATCH_JOBS))
      }
    }
  }

  private send(thread: Thread, pending: readonly Pending[]): void {
    const { sealing, identity } = this.options.keys()
    if (thread.sent?.sealing !== sealing || thread.sent.identity !== identity) {
      thread.port.postMessage({ sealing, identitySeed: identity.seed() })
      thread.sent = { sealing, identity }
    }
    thread.batches.push({ pending, signer: identity.publicKey })
    const jobs = encodeJobs(pending.map(({ job }) => job))
    thread.port.postMessage(jobs, [jobs])
  }

  private receive(thread: Thread, message: ArrayBuffer | 'ready'): void {
    if (message === 'ready') {
      thread.isReady = true
      return
    }
    this.retryMs = FIRST_RETRY_MS
    const batch = thread.batches.shift() as Batch
    // First of all, so that the thread has something to do meanwhile.
    this.handOut()
    decodeOutcomes(message, batch.signer).forEach((outcome, i) => {
      const pending = batch.pending[i] as Pending
      if (outcome === null) {
        this.runHere(pending)
      } else {
        pending.resolve(outcome)
      }
    })
  }

  private runHere({ job, resolve, reject }: Pending): void {
    try {
      resolve(runJob(job, this.options.keys()))
    } catch (error) {
      reject(error)
    }
  }

  private start(): void {
    const { start = startWorker, onThreadLost } = this.options
    const thread: Thread = { port: start(), isReady: false, sent: null, batches: [] }
    this.threads.add(thread)
    let cause: unknown
    thread.port.on('message', (message) => this.receive(thread, message))
    thread.port.on('error', (error) => {
      cause = error
    })
    thread.port.on('exit', () => {
      this.threads.delete(thread)
      this.queue.unshift(...thread.batches.splice(0).flatMap(({ pending }) => pending))
      this.dueTurn()
      if (!this.isClosed) {
        onThreadLost(cause)
        this.startLater()
      }
    })
  }

  private startLater(): void {
    setTimeout(() => this.isClosed || this.start(), this.retryMs).unref()
    this.retryMs = Math.min(2 * this.retryMs, LAST_RETRY_MS)
  }
}

/** It has no environment, no standard input, and nothing of what it writes is shown: it holds secrets. */
function startWorker(): ThreadPort {
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    env: {},
    stdout: true,
    stderr: true,
  })
  worker.unref()
  return worker
}
