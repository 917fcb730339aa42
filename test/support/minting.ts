import { randomBytes } from 'node:crypto'
import type { EpochClock } from '../../src/core/epoch.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { Answers } from '../../src/minting/answers.js'
import { MintingPool, type PoolKeys } from '../../src/minting/pool.js'
import { Prover } from '../../src/minting/prover.js'

/** A sealing key and an identity that nobody has seen before. */
export function newPoolKeys(): PoolKeys {
  const seed = Uint8Array.from(randomBytes(32))
  return {
    sealing: { current: 'k1', keys: new Map([['k1', Uint8Array.from(randomBytes(32))]]) },
    identity: { ...sodiumEd25519.signer(seed), seed: () => seed },
  }
}

/** What opens token sessions, without threads. `told` counts what its hooks are told. */
export function mintingAt(clock: EpochClock, keys: () => PoolKeys = constantly(newPoolKeys())) {
  const told = { verified: 0, signed: 0, proofs: 0 }
  const pool = new MintingPool({ threads: 0, keys, onThreadLost: () => {} })
  const onSigned = () => void told.signed++
  const prover = new Prover({
    pool,
    sealing: () => keys().sealing,
    onVerified: () => void told.verified++,
    onSigned,
    onProve: () => () => void told.proofs++,
  })
  const answers = new Answers({ identity: () => keys().identity, clock, onSigned })
  return { pool, prover, answers, told }
}

function constantly<T>(value: T): () => T {
  return () => value
}
