import { Client, credentials } from '@grpc/grpc-js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { GetIdentityRequest, GetIdentityResponse } from '#generated/sessiond/v1/identity'
import { connect, fetchServerKeys, UntrustedResponseError } from '../../../src/client/index.js'
import { sodiumEd25519 } from '../../../src/crypto/sodium.js'
import { nextIdentityStatement } from '../../../src/envelope/sign.js'
import type { GrpcService } from '../../../src/grpc/pipeline/contracts.js'
import { grpcService } from '../../../src/grpc/pipeline/pipeline.js'
import { identityService } from '../../../src/grpc/services/identity.js'
import { startTestGrpc, unaryBytes } from '../../support/grpc.js'
import { NO_FAILURES } from '../../support/observer.js'

const [one, two, stranger] = [1, 2, 3].map((byte) =>
  sodiumEd25519.signer(new Uint8Array(32).fill(byte)),
) as [Signer, Signer, Signer]
type Signer = ReturnType<typeof sodiumEd25519.signer>
const bytes = (key: Uint8Array) => Uint8Array.from(key)

/** The keys that the SDK believes a server to have which answers so. */
async function fetched(
  service: GrpcService,
  serverKeys: readonly Uint8Array[] | 'any',
): Promise<readonly Uint8Array[]> {
  const server = await startTestGrpc({ 'sessiond.v1.Identity': service })
  onTestFinished(async () => void (await server.close(0)))
  const connection = connect(server.address, { serverKeys })
  onTestFinished(() => connection.close())
  return fetchServerKeys(connection)
}

const NONE = new Uint8Array()
const ports = { observer: NO_FAILURES }
const answering = (answer: Partial<GetIdentityResponse>) => {
  const fields = { identity: NONE, nextIdentity: NONE, nextIdentitySignature: NONE, ...answer }
  const bytes = Buffer.from(GetIdentityResponse.encode(fields).finish())
  return grpcService('sessiond.v1.Identity', { GetIdentity: unaryBytes(() => bytes) }, ports)
}

describe('the keys of a server', () => {
  it.each([
    ['its own where no next one is announced', null, [one.publicKey]],
    ['both where one is', two, [one.publicKey, two.publicKey]],
  ])('are %s', async (_, next, expected) => {
    for (const pinned of ['any', [one.publicKey], [two.publicKey, one.publicKey]] as const) {
      const service = identityService({ current: one, next }, ports)
      expect(await fetched(service, pinned)).toEqual(expected.map(bytes))
    }
  })

  const { publicKey: identity } = one
  const { publicKey: nextIdentity } = two
  const signed = (signer: Signer, key = nextIdentity) => signer.sign(nextIdentityStatement(key))
  it.each<[string, Partial<GetIdentityResponse>, RegExp]>([
    ['the key is not pinned', { identity: stranger.publicKey }, /not pinned/],
    ['there is none', {}, /32 bytes/],
    ['the next has no signature', { identity, nextIdentity }, /not signed/],
    [
      'the next signed for itself',
      { identity, nextIdentity, nextIdentitySignature: signed(two) },
      /not signed/,
    ],
    [
      'another was signed',
      { identity, nextIdentity, nextIdentitySignature: signed(one, stranger.publicKey) },
      /not signed/,
    ],
    [
      'the bare key was signed',
      { identity, nextIdentity, nextIdentitySignature: one.sign(nextIdentity) },
      /not signed/,
    ],
    [
      'the next is no key',
      { identity, nextIdentity: Uint8Array.of(1), nextIdentitySignature: signed(one) },
      /32 bytes/,
    ],
  ])('are not believed where %s', async (_, answer, message) => {
    const attempt = fetched(answering(answer), [one.publicKey])
    await expect(attempt).rejects.toThrow(UntrustedResponseError)
    await expect(attempt).rejects.toThrow(message)
  })

  it('are asked for by a message, not by any bytes', async () => {
    const server = await startTestGrpc({
      'sessiond.v1.Identity': identityService({ current: one, next: null }, ports),
    })
    onTestFinished(async () => void (await server.close(0)))
    const client = new Client(server.address, credentials.createInsecure())
    onTestFinished(() => client.close())
    expect(GetIdentityRequest.encode({}).finish()).toHaveLength(0)
    const asked = new Promise((resolve, reject) =>
      client.makeUnaryRequest(
        '/sessiond.v1.Identity/GetIdentity',
        (b: Buffer) => b,
        (b) => b,
        Buffer.of(0x0a, 9),
        (error, answer) => (error === null ? resolve(answer) : reject(error)),
      ),
    )
    await expect(asked).rejects.toMatchObject({ details: expect.stringContaining('no message') })
  })
})
