import type { MessagePort } from 'node:worker_threads'
import type { SealingKeys } from '../crypto/seal.js'
import { sodiumEd25519 } from '../crypto/sodium.js'
import { readJobs, writeOutcomes } from './batch.js'
import type { MintOutcome } from './job.js'
import { counterOf, slotOf } from './memory.js'
import { type MintingKeys, runJob } from './run.js'

/** What the jobs behind it are done with. */
export interface KeysMessage {
  readonly sealing: SealingKeys
  /** Of the server's identity, 32 bytes. */
  readonly identitySeed: Uint8Array
}

/** The first message: the memory in which jobs come and outcomes go, by turns in each of its slots. */
export interface MemoryMessage {
  readonly memory: SharedArrayBuffer
}

/** To the other thread; a number is the length of a batch of jobs in the shared memory. */
export type ToThread = MemoryMessage | KeysMessage | number

/** From it; a number is the length of a batch of outcomes, in the order of the jobs. */
export type FromThread = 'ready' | number

/** The other thread's end: does each batch, one after the other. */
export function serveJobs(port: MessagePort): void {
  let keys: MintingKeys | undefined
  let shared = new SharedArrayBuffer(0)
  let batches = 0
  const answer = (message: FromThread) => port.postMessage(message)
  port.on('message', (message: ToThread) => {
    if (typeof message === 'number') {
      const slot = slotOf(shared, batches++)
      // A copy: native code does not look at memory that another thread may change.
      const jobs = readJobs(Buffer.from(slot.subarray(0, message)))
      const length = writeOutcomes(
        slot,
        jobs.map((job) => outcomeOf(job, keys)),
      )
      Atomics.add(counterOf(shared), 0, 1)
      answer(length)
    } else if ('memory' in message) {
      shared = message.memory
      answer('ready')
    } else {
      const { sealing, identitySeed } = message
      keys = { sealing, identity: sodiumEd25519.signer(identitySeed) }
      identitySeed.fill(0)
    }
  })
}

/** null where it throws: whoever sent the job does it again, and tells of the error that it gets. */
function outcomeOf(
  job: Parameters<typeof runJob>[0],
  keys: MintingKeys | undefined,
): MintOutcome | null {
  try {
    return keys === undefined ? null : runJob(job, keys)
  } catch {
    return null
  }
}
