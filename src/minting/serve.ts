import type { MessagePort } from 'node:worker_threads'
import type { SealingKeys } from '../crypto/seal.js'
import { sodiumEd25519 } from '../crypto/sodium.js'
import { decodeJobs, encodeOutcomes } from './batch.js'
import type { MintOutcome } from './job.js'
import { type MintingKeys, runJob } from './run.js'

/** What the jobs behind it are done with. */
export interface KeysMessage {
  readonly sealing: SealingKeys
  /** Of the server's identity, 32 bytes. */
  readonly identitySeed: Uint8Array
}

/** The other thread's end: answers each batch of jobs, an ArrayBuffer, with one of outcomes, in order. */
export function serveJobs(port: MessagePort): void {
  let keys: MintingKeys | undefined
  port.on('message', (message: ArrayBuffer | KeysMessage) => {
    if (!(message instanceof ArrayBuffer)) {
      const { sealing, identitySeed } = message
      keys = { sealing, identity: sodiumEd25519.signer(identitySeed) }
      identitySeed.fill(0)
      return
    }
    const outcomes = encodeOutcomes(decodeJobs(message).map((job) => outcomeOf(job, keys)))
    port.postMessage(outcomes, [outcomes])
  })
  port.postMessage('ready')
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
