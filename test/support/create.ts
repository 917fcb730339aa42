import { randomBytes } from 'node:crypto'
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { BadRequest, ErrorInfo, RetryInfo } from '#generated/google/rpc/error_details'
import { Status } from '#generated/google/rpc/status'
import { RequestMetaHeader } from '#generated/service/meta'
import { CreateRequest_Body } from '#generated/session/service'
import type { Lifetime } from '../../src/core/session.js'
import { uuidText } from '../../src/core/uuid.js'
import type { Signer } from '../../src/crypto/ed25519.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { readCreateResponse } from '../../src/envelope/create.js'
import { signRequest } from '../../src/envelope/sign.js'
import { expectField } from './contract.js'

/** An owner that nobody has seen before. */
export function newOwner(): Signer {
  return sodiumEd25519.signer(Uint8Array.from(randomBytes(32)))
}

/** The epoch of this moment, where epochs are Unix seconds. */
export const epochNow = () => BigInt(Math.floor(Date.now() / 1000))

export interface CreateParts {
  readonly signer?: Signer
  /** Default: the signer's key. */
  readonly owner?: Uint8Array
  readonly lifetime?: Partial<Lifetime>
  readonly meta?: Partial<RequestMetaHeader>
  readonly xHeaders?: Readonly<Record<string, string>>
}

/** A signed request to open a session for an hour from now on, but for the parts that are given. */
export function createRequest(parts: CreateParts = {}): Buffer {
  const { signer = newOwner(), owner = signer.publicKey, xHeaders = {} } = parts
  const now = epochNow()
  const lifetime = { exp: now + 3600n, nbf: now, iat: now, ...parts.lifetime }
  const body = CreateRequest_Body.encode({ ownerId: { value: owner }, lifetime }).finish()
  const meta = RequestMetaHeader.encode({
    version: { major: 2, minor: 0 },
    epoch: now,
    ttl: 2,
    xHeaders: Object.entries(xHeaders).map(([key, value]) => ({ key, value })),
    token: undefined,
    bearer: undefined,
    origin: undefined,
    ...parts.meta,
  }).finish()
  return signRequest({ body, meta }, signer)
}

/** A refused call, as it stands on the wire. */
export class Refused extends Error {
  /** Name of the gRPC code. */
  readonly code: string
  readonly reason: string | undefined
  readonly domain: string | undefined
  readonly metadata: Readonly<Record<string, string>> = {}
  readonly field: string | undefined
  readonly retrySeconds: bigint | undefined

  constructor({ code, details, metadata }: Pick<ServiceError, 'code' | 'details' | 'metadata'>) {
    super(details)
    this.code = status[code]
    const [encoded] = metadata.get('grpc-status-details-bin')
    if (!(encoded instanceof Uint8Array)) {
      return
    }
    const inTrailer = Status.decode(encoded)
    if (inTrailer.code !== code || inTrailer.message !== details) {
      throw new Error('grpc-status-details-bin tells another story than grpc-status')
    }
    for (const { typeUrl, value } of inTrailer.details) {
      switch (typeUrl) {
        case 'type.googleapis.com/google.rpc.ErrorInfo': {
          const info = ErrorInfo.decode(value)
          this.reason = info.reason
          this.domain = info.domain
          this.metadata = Object.fromEntries(info.metadata)
          break
        }
        case 'type.googleapis.com/google.rpc.BadRequest':
          this.field = BadRequest.decode(value).fieldViolations[0]?.field
          break
        case 'type.googleapis.com/google.rpc.RetryInfo':
          this.retrySeconds = RetryInfo.decode(value).retryDelay?.seconds
          break
        default:
          throw new Error(`unexpected detail ${typeUrl}`)
      }
    }
  }
}

/** A session as the answer tells of it. */
export interface Created {
  readonly id: string
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  /** The whole response as it came. */
  readonly bytes: Buffer
}

export interface CreateClient {
  /** Sends the bytes as they are. Throws Refused. */
  create(request: Uint8Array): Promise<Created>
  close(): void
}

/** A bare gRPC client: no retries, no deadline, and it believes what it is told. */
export function createClient(
  address: string,
  channel = credentials.createInsecure(),
): CreateClient {
  const client = new Client(address, channel, { 'grpc.enable_retries': 0 })
  const create = (request: Uint8Array) =>
    new Promise<Created>((resolve, reject) =>
      client.makeUnaryRequest<Buffer, Buffer>(
        '/session.Session/Create',
        (bytes) => bytes,
        (bytes) => bytes,
        Buffer.from(request),
        (error, bytes) => {
          if (error !== null || bytes === undefined) {
            reject(error === null ? new Error('no answer') : refusedByContract(error))
          } else {
            const { id, sessionKey } = readCreateResponse(bytes)
            resolve({ id: uuidText(id), publicKey: sessionKey, bytes })
          }
        },
      ),
    )
  return { create, close: () => client.close() }
}

/** A refusal whose field, where it names one, is there in the contract. */
function refusedByContract(error: ServiceError): Error {
  const refused = new Refused(error)
  try {
    expectField('session.CreateRequest', refused.field ?? 'body')
    return refused
  } catch (noSuchField) {
    return noSuchField as Error
  }
}

/** Calls `task` until it has been begun `times` times, with `width` of them in flight. */
export async function inFlight(
  width: number,
  times: number,
  task: (i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const work = async () => {
    for (let i = next++; i < times; i = next++) {
      await task(i)
    }
  }
  await Promise.all(Array.from({ length: width }, work))
}
