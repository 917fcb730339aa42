import { availableParallelism } from 'node:os'
import { ownerText } from '../core/owner-text.js'
import { Answers } from '../minting/answers.js'
import { MintingPool } from '../minting/pool.js'
import { Prover } from '../minting/prover.js'
import { openSpan } from '../observability/trace.js'
import type { Backend } from './backend.js'
import type { ServerContext } from './context.js'

/** What signed calls need of cryptography, with the worker threads that do it. */
export function startMinting(
  { config, metrics, log, lifecycle }: ServerContext,
  { keys: { identity, sealing }, clock, store }: Pick<Backend, 'keys' | 'clock' | 'store'>,
): { prover: Prover; answers: Answers } {
  const pool = new MintingPool({
    // One core is the main thread's.
    threads: Math.min(config.cryptoThreads, availableParallelism() - 1),
    keys: () => ({ sealing: sealing.keys, identity: identity.current }),
    onThreadLost: (err) =>
      log.error({ event: 'crypto-thread-lost', err }, 'another takes its place'),
  })
  lifecycle.add(() => pool.close())
  const onSigned = (durationMs: number) => metrics.signed(durationMs)
  const prover = new Prover({
    pool,
    sealing: (seal) => (seal === undefined ? sealing.keys : sealing.knowing(seal)),
    ...(store.idBits && { idBits: (owner) => store.idBits?.(ownerText(owner)) ?? null }),
    onVerified: (durationMs) => metrics.verified(durationMs),
    onSigned,
    onProve: () => openSpan('verify'),
  })
  return { prover, answers: new Answers({ identity: () => identity.current, clock, onSigned }) }
}
