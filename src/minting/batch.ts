import { ED25519_KEY_BYTES, ED25519_SIGNATURE_BYTES } from '../core/key-lengths.js'
import { type IdBits, UUID_BYTES } from '../core/uuid.js'
import type { KeyUse, Minted, MintJob, MintOutcome, MintRequest, SignatureCheck } from './job.js'
import { LENGTH_BYTES, NUMBER_BYTES, Reader, Writer } from './memory.js'

/*
 * Jobs and outcomes as bytes, in memory that two threads share: objects would be copied one by one, and what is
 * transferred is garbage on both sides. Only our own other thread writes them, so they are not checked. Numbers
 * are little-endian; what has no fixed length has a u32 of its own before it.
 *
 *   batch    u32 count, then each
 *   job      u8 which parts it has; u8 checks, each key, sign, content; of a mint: owner, exp, nbf, iat (u64),
 *            u8 and u8 of its id bits, meta; the answer; of a use: seal, session id, owner, exp, nbf, iat, public
 *            key, request, u8 data, each
 *   outcome  u8 which parts it has, and no more where the job threw; u8 failed check; f64 verifyMs, f64 signMs;
 *            of a mint: id (16), public key (32), body signature (64), meta signature (64) if any, seal; what the
 *            use made; the signature of the answer (64)
 */

const HAS_MINT = 1
const HAS_META = 2
const HAS_FAILED = 4
const HAS_THROWN = 8
const HAS_ID_BITS = 16
const HAS_ANSWER = 32
const HAS_USE = 64
/** The first byte of id bits has 4 of them. */
const AT_START = 0x80

const JOB_HEAD_BYTES = 2
const ID_BITS_BYTES = 2

/** How many of these jobs, from the first on, fit into so many bytes. */
export function countFitting(jobs: readonly MintJob[], bytes: number): number {
  let left = bytes - LENGTH_BYTES
  const end = jobs.findIndex((job) => {
    left -= jobLength(job)
    return left < 0
  })
  return end < 0 ? jobs.length : end
}

/** Returns how many bytes they take. They must fit. */
export function writeJobs(into: Buffer, jobs: readonly MintJob[]): number {
  const writer = new Writer(into)
  writer.u32(jobs.length)
  for (const { checks, mint, answer, use } of jobs) {
    writer.u8(
      partsOf(mint) | (answer === undefined ? 0 : HAS_ANSWER) | (use === undefined ? 0 : HAS_USE),
    )
    writer.u8(checks.length)
    for (const { key, sign, content } of checks) {
      writer.sized(key)
      writer.sized(sign)
      writer.sized(content)
    }
    if (mint !== null) {
      writer.sized(mint.owner)
      writer.lifetime(mint.lifetime)
      if (mint.idBits !== null) {
        const { at, bits } = mint.idBits
        writer.u8((at === 'start' ? AT_START : 0) | (bits >> 8))
        writer.u8(bits & 0xff)
      }
      if (mint.meta !== null) {
        writer.sized(mint.meta)
      }
    }
    if (answer !== undefined) {
      writer.sized(answer)
    }
    if (use !== undefined) {
      writeUse(writer, use)
    }
  }
  return writer.length
}

function writeUse(writer: Writer, { seal, sessionId, binding, data, request }: KeyUse): void {
  writer.sized(seal)
  writer.sized(Buffer.from(sessionId))
  writer.sized(binding.owner)
  writer.lifetime(binding.lifetime)
  writer.sized(binding.publicKey)
  writer.sized(request)
  writer.u8(data.length)
  for (const each of data) {
    writer.sized(each)
  }
}

/** As slices of `bytes`. */
export function readJobs(bytes: Buffer): MintJob[] {
  const reader = new Reader(bytes)
  return Array.from({ length: reader.u32() }, () => {
    const parts = reader.u8()
    const checks: SignatureCheck[] = Array.from({ length: reader.u8() }, () => ({
      key: reader.sized(),
      sign: reader.sized(),
      content: reader.sized(),
    }))
    const mint = parts & HAS_MINT ? readMint(reader, parts) : null
    return {
      ...{ checks, mint },
      ...(parts & HAS_ANSWER && { answer: reader.sized() }),
      ...(parts & HAS_USE && { use: readUse(reader) }),
    }
  })
}

function readUse(reader: Reader): KeyUse {
  const [seal, sessionId, owner] = [reader.sized(), reader.sized().toString(), reader.sized()]
  const binding = { owner, lifetime: reader.lifetime(), publicKey: reader.sized() }
  const request = reader.sized()
  const data = Array.from({ length: reader.u8() }, () => reader.sized())
  return { seal, sessionId, binding, data, request }
}

function readMint(reader: Reader, parts: number): MintRequest {
  const owner = reader.sized()
  const lifetime = reader.lifetime()
  const idBits = parts & HAS_ID_BITS ? readIdBits(reader) : null
  const meta = parts & HAS_META ? reader.sized() : null
  return { owner, lifetime, idBits, meta }
}

function readIdBits(reader: Reader): IdBits {
  const high = reader.u8()
  const bits = (high & ~AT_START) * 0x100 + reader.u8()
  return { at: high & AT_START ? 'start' : 'version', bits }
}

/** Returns how many bytes they take. null: the job threw. */
export function writeOutcomes(into: Buffer, outcomes: readonly (MintOutcome | null)[]): number {
  const writer = new Writer(into)
  writer.u32(outcomes.length)
  for (const outcome of outcomes) {
    if (outcome === null) {
      writer.u8(HAS_THROWN)
      continue
    }
    const { failedCheck, minted, used, answered, verifyMs, signMs } = outcome
    writer.u8(
      (failedCheck === null ? 0 : HAS_FAILED) |
        (minted === null ? 0 : HAS_MINT) |
        (minted?.metaSignature ? HAS_META : 0) |
        (used === undefined ? 0 : HAS_USE) |
        (answered === undefined ? 0 : HAS_ANSWER),
    )
    writer.u8(failedCheck ?? 0)
    writer.f64(verifyMs)
    writer.f64(signMs)
    if (minted !== null) {
      writer.fixed(minted.id)
      writer.fixed(minted.publicKey)
      writer.fixed(minted.bodySignature)
      if (minted.metaSignature !== null) {
        writer.fixed(minted.metaSignature)
      }
      writer.sized(minted.seal)
    }
    if (used !== undefined) {
      writer.sized(used)
    }
    if (answered !== undefined) {
      writer.fixed(answered.signature)
    }
  }
  return writer.length
}

/** As slices of `bytes`. `signer`: the public key of the identity that the other thread signed with. */
export function readOutcomes(bytes: Buffer, signer: Uint8Array): (MintOutcome | null)[] {
  const reader = new Reader(bytes)
  return Array.from({ length: reader.u32() }, () => {
    const parts = reader.u8()
    if (parts & HAS_THROWN) {
      return null
    }
    const failed = reader.u8()
    const failedCheck = parts & HAS_FAILED ? failed : null
    const times = { verifyMs: reader.f64(), signMs: reader.f64() }
    const minted = parts & HAS_MINT ? readMinted(reader, parts, signer) : null
    return {
      ...{ failedCheck, minted, ...times },
      ...(parts & HAS_USE && { used: reader.sized() }),
      ...(parts & HAS_ANSWER && {
        answered: { signature: reader.fixed(ED25519_SIGNATURE_BYTES), signer },
      }),
    }
  })
}

function readMinted(reader: Reader, parts: number, signer: Uint8Array): Minted {
  const id = reader.fixed(UUID_BYTES)
  const publicKey = reader.fixed(ED25519_KEY_BYTES)
  const bodySignature = reader.fixed(ED25519_SIGNATURE_BYTES)
  const metaSignature = parts & HAS_META ? reader.fixed(ED25519_SIGNATURE_BYTES) : null
  return { id, publicKey, bodySignature, metaSignature, seal: reader.sized(), signer }
}

/** Which parts a job has. */
function partsOf(mint: MintRequest | null): number {
  return mint === null
    ? 0
    : HAS_MINT | (mint.meta === null ? 0 : HAS_META) | (mint.idBits === null ? 0 : HAS_ID_BITS)
}

function jobLength({ checks, mint, answer, use }: MintJob): number {
  let length = JOB_HEAD_BYTES
  length += answer === undefined ? 0 : LENGTH_BYTES + answer.length
  length += use === undefined ? 0 : useLength(use)
  for (const { key, sign, content } of checks) {
    length += 3 * LENGTH_BYTES + key.length + sign.length + content.length
  }
  if (mint !== null) {
    length += LENGTH_BYTES + mint.owner.length + 3 * NUMBER_BYTES
    length += mint.idBits === null ? 0 : ID_BITS_BYTES
    length += mint.meta === null ? 0 : LENGTH_BYTES + mint.meta.length
  }
  return length
}

function useLength({ seal, sessionId, binding, data, request }: KeyUse): number {
  const parts = [seal, Buffer.from(sessionId), binding.owner, binding.publicKey, request, ...data]
  return parts.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 3 * NUMBER_BYTES + 1)
}
