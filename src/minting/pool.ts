import { Worker } from 'node:worker_threads'
import type { SeededSigner } from '../crypto/ed25519.js'
import type { SealingKeys } from '../crypto/seal.js'
import { countFitting, readOutcomes, writeJobs } from './batch.js'
import type { MintJob, MintOutcome } from './job.js'
import { counterOf, SLOTS, slotOf } from './memory.js'
import { runJob } from './run.js'
import type { FromThread, ToThread } from './serve.js'

/** Small enough that a thread which is behind can be helped with the rest. */
const MAX_BATCH_JOBS = 16
/** Far more than jobs of one level take: a job that does not fit is done here. */
const MEMORY_BYTES = 512 * 1024
/** With so many more waiting than the threads take, this thread takes part, however busy it is. */
const MOST_WAITING = 64
/** How many more may wait before this thread takes part, once another had nothing to do. */
const STEP = 8
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
  postMessage(message: ToThread): void
  on(event: 'message', listener: (message: FromThread) => void): unknown
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
  /** Where its jobs were, and its outcomes are. */
  readonly slot: Buffer
}

interface Thread {
  readonly port: ThreadPort
  readonly memory: SharedArrayBuffer
  isReady: boolean
  sent: PoolKeys | null
  /** What it works on and what comes next, at most a batch for each slot. */
  readonly batches: Batch[]
  /** How many batches it was ever given. */
  given: number
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
 * Does the cryptography of signed calls in worker threads. A thread has its next batch at hand when it ends one, so it does
 * not wait for this one. This thread takes part in what is more than keeps the others busy: all calls pass through it, so
 * what others can do it should not. It does a job alone where nothing else is to be done: a way to another thread and
 * back costs more than is gained then.
 */
export class MintingPool {
  private readonly threads = new Set<Thread>()
  private readonly queue: Pending[] = []
  /** With more waiting, this thread takes part: as few as just keep the others busy. */
  private mostWaiting = MOST_WAITING
  private isTurnDue = false
  private isClosed = false
  private retryMs = FIRST_RETRY_MS

  constructor(private readonly options: PoolOptions) {
    for (let i = 0; i < options.threads; i++) {
      this.tryToStart()
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

  private turn(): void {
    this.isTurnDue = false
    const ready = [...this.threads].filter(({ isReady }) => isReady)
    const isAlone = this.queue.length === 1 && ready.every(({ batches }) => batches.length === 0)
    if (ready.length === 0 || isAlone) {
      this.takePart(0)
      return
    }
    this.handOut()
    this.takePart(this.mostWaiting)
  }

  /** Does jobs here until no more than so many wait, but for the turns of others in between. */
  private takePart(mostWaiting: number): void {
    const startedAtMs = performance.now()
    while (this.queue.length > mostWaiting) {
      if (performance.now() - startedAtMs > TURN_MS) {
        this.dueTurn()
        return
      }
      this.runHere(this.queue.shift() as Pending)
    }
  }

  /** Each thread gets a batch to work on before any gets its next. */
  private handOut(): void {
    for (let most = 0; most < SLOTS; most++) {
      for (const thread of this.threads) {
        if (thread.isReady && thread.batches.length <= most && this.queue.length > 0) {
          this.send(thread)
        }
      }
    }
  }

  private send(thread: Thread): void {
    const slot = slotOf(thread.memory, thread.given)
    const next = this.queue.slice(0, MAX_BATCH_JOBS).map(({ job }) => job)
    const pending = this.queue.splice(0, countFitting(next, slot.length))
    if (pending.length === 0) {
      this.runHere(this.queue.shift() as Pending)
      return
    }
    const keys = this.options.keys()
    const { sealing, identity } = keys
    if (thread.sent?.sealing !== sealing || thread.sent.identity !== identity) {
      thread.port.postMessage({ sealing, identitySeed: identity.seed() })
      thread.sent = keys
    }
    const isWaiting = Atomics.load(counterOf(thread.memory), 0) === (thread.given | 0)
    this.mostWaiting = isWaiting
      ? Math.min(this.mostWaiting + STEP, MOST_WAITING)
      : Math.max(this.mostWaiting - 1, 0)
    thread.given++
    thread.batches.push({ pending, signer: identity.publicKey, slot })
    thread.port.postMessage(writeJobs(slot, next.slice(0, pending.length)))
  }

  private receive(thread: Thread, message: FromThread): void {
    if (message === 'ready') {
      thread.isReady = true
      return
    }
    this.retryMs = FIRST_RETRY_MS
    const { pending, signer, slot } = thread.batches.shift() as Batch
    const outcomes = readOutcomes(Buffer.from(slot.subarray(0, message)), signer)
    // First of all, so that the thread has something to do meanwhile.
    this.handOut()
    outcomes.forEach((outcome, i) => {
      const { resolve } = pending[i] as Pending
      if (outcome === null) {
        this.runHere(pending[i] as Pending)
      } else {
        resolve(outcome)
      }
    })
    if (this.queue.length > 0) {
      this.dueTurn()
    }
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
    const memory = new SharedArrayBuffer(MEMORY_BYTES)
    const thread: Thread = {
      ...{ port: start(), memory, isReady: false, sent: null },
      ...{ batches: [], given: 0 },
    }
    thread.port.postMessage({ memory })
    this.threads.add(thread)
    let cause: unknown
    thread.port.on('message', (message) => this.receive(thread, message))
    thread.port.on('error', (error) => {
      cause = error
    })
    thread.port.on('exit', () => {
      this.threads.delete(thread)
      this.queue.unshift(...thread.batches.flatMap(({ pending }) => pending))
      this.dueTurn()
      if (!this.isClosed) {
        onThreadLost(cause)
        this.startLater()
      }
    })
  }

  /** The system may have no thread to give, now or later. */
  private tryToStart(): void {
    try {
      this.start()
    } catch (cause) {
      this.options.onThreadLost(cause)
      this.startLater()
    }
  }

  private startLater(): void {
    setTimeout(() => this.isClosed || this.tryToStart(), this.retryMs).unref()
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
