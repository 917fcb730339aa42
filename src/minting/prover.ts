import type { NewKey } from '../core/create/claim.js'
import { type IdBits, uuidText } from '../core/uuid.js'
import { VerifiedSignatures } from '../crypto/schemes.js'
import { resealSeed, type SealingKeys } from '../crypto/seal.js'
import { type ChainSignature, doesNotVerify, readChain } from '../envelope/chain.js'
import type { CreateRequestEnvelope } from '../envelope/create.js'
import type { KeyUse, Minted, MintJob, MintOutcome, SignatureCheck, SignedAnswer } from './job.js'
import type { MintingPool } from './pool.js'

/** Header signatures that recur unchanged are checked once; about 300 bytes each, 1 KiB at most. */
const REMEMBERED_HEADERS = 10_000

export interface ProverPorts {
  readonly pool: MintingPool
  /** Asked for each key, for they may change. `seal`: one that they are to open. */
  readonly sealing: (seal?: Uint8Array) => SealingKeys
  /** `SessionStore.idBits`, by owner. */
  readonly idBits?: (owner: Uint8Array) => IdBits | null
  /** How long the signatures of a request took to check; those that were known are not told. */
  readonly onVerified: (durationMs: number) => void
  /** How long the signatures of an answer took to make. */
  readonly onSigned: (durationMs: number) => void
  /** A proof begins; what this returns is called at its end. */
  readonly onProve: () => () => void
}

/** A request whose signatures are checked. */
export type SignedRequest = Pick<CreateRequestEnvelope, 'message' | 'idempotencyKey'>

/** A session key, with what the answer that tells of it needs. */
export interface MintedKey extends NewKey {
  readonly seal: () => Uint8Array
  readonly minted: Minted
}

/** A signature that was not seen before. */
interface Unknown extends SignatureCheck {
  readonly signature: ChainSignature
  /** What is remembered once it has verified; null for nothing. */
  readonly entry: string | null
}

/** Checks who made a request to open a session, and makes the session's key. */
export class Prover {
  private readonly verified = new VerifiedSignatures(REMEMBERED_HEADERS)

  constructor(private readonly ports: ProverPorts) {}

  /** Checks every signature, and `others` that must hold besides. Throws SignatureError. */
  async prove(request: SignedRequest, others: readonly ChainSignature[] = []): Promise<void> {
    await this.run(request, { mint: null }, others)
  }

  /** The same, and signs the body of an answer once all have held. Throws SignatureError. */
  async proveAndSign(request: SignedRequest, answer: Uint8Array): Promise<SignedAnswer> {
    return (await this.run(request, { mint: null, answer })).answered as SignedAnswer
  }

  /**
   * The same, and makes a key once all have held. `meta`: that of the answer, null where its signature is at
   * hand. Throws SignatureError, and SealError where the sealing key is not at hand.
   */
  async proveAndMint(request: CreateRequestEnvelope, meta: Uint8Array | null): Promise<MintedKey> {
    const { owner, lifetime } = request
    const idBits = this.ports.idBits?.(owner) ?? null
    const mint = { owner, lifetime, idBits, meta }
    const minted = (await this.run(request, { mint })).minted as Minted
    const id = uuidText(minted.id)
    // What it is a slice of would stay in memory as long as the session does.
    const publicKey = new Uint8Array(minted.publicKey)
    const seal = () =>
      resealSeed(this.ports.sealing(), minted.seal, id, { owner, lifetime, publicKey }) ??
      minted.seal
    return { id, publicKey, seal, minted }
  }

  /**
   * Signs with the key of a session. Returns the body of the answer, and the signature over it. Throws SealError where the
   * seal does not open.
   */
  async useKey(use: KeyUse): Promise<{ body: Uint8Array; made: SignedAnswer }> {
    // Before the pool asks for the keys.
    this.ports.sealing(use.seal)
    const { used, answered, signMs } = await this.ports.pool.run({ checks: [], mint: null, use })
    this.ports.onSigned(signMs)
    return { body: used as Uint8Array, made: answered as SignedAnswer }
  }

  private async run(
    request: SignedRequest,
    wanted: Omit<MintJob, 'checks'>,
    others: readonly ChainSignature[] = [],
  ): Promise<MintOutcome> {
    const unknown = this.unknownOf(request)
    for (const signature of others) {
      unknown.push({ ...signature, signature, entry: null })
    }
    const end = this.ports.onProve()
    try {
      const outcome = await this.ports.pool.run({ checks: unknown, ...wanted })
      this.take(outcome, unknown)
      return outcome
    } finally {
      end()
    }
  }

  private unknownOf(request: SignedRequest): Unknown[] {
    const unknown: Unknown[] = []
    for (const signature of readChain(request.message)) {
      const { key, sign, content } = signature
      const entry = recurs(signature, request)
        ? VerifiedSignatures.entryOf(key, sign, content)
        : null
      if (entry === null || !this.verified.has(entry)) {
        unknown.push({ key, sign, content, signature, entry })
      }
    }
    return unknown
  }

  private take(
    { failedCheck, minted, answered, verifyMs, signMs }: MintOutcome,
    unknown: readonly Unknown[],
  ): void {
    if (unknown.length > 0) {
      this.ports.onVerified(verifyMs)
    }
    if (minted !== null || answered !== undefined) {
      this.ports.onSigned(signMs)
    }
    for (const { entry } of unknown.slice(0, failedCheck ?? undefined)) {
      if (entry !== null) {
        this.verified.add(entry)
      }
    }
    if (failedCheck !== null) {
      throw doesNotVerify((unknown[failedCheck] as Unknown).signature)
    }
  }
}

/**
 * Whether the same signature over the same bytes may come again. A meta header with an idempotency key does not, nor does
 * a verification header that another wraps: it has the signature of a body.
 */
function recurs(
  { isHeader, content, shape }: ChainSignature,
  { idempotencyKey }: SignedRequest,
): boolean {
  const isMeta = shape !== undefined
  return isHeader && (isMeta ? idempotencyKey === undefined : content.length === 0)
}
