import { hex } from '@scure/base'
import { GetIdentityRequest, GetIdentityResponse } from '#generated/sessiond/v1/identity'
import { ED25519_KEY_BYTES } from '../core/key-lengths.js'
import { nodeEd25519 } from '../crypto/node-ed25519.js'
import { nextIdentityStatement } from '../envelope/sign.js'
import { ask, type CallOptions } from './connection/ask.js'
import type { Connection } from './connection/connect.js'
import { UntrustedResponseError } from './errors.js'
import { isPinned } from './trusted.js'

const SERVICE = { name: 'sessiond.v1.Identity', isForOperators: false }

/**
 * Fetches the keys to pin: the server's current key, then the next one if the server has announced it. Ed25519, 32
 * bytes each. The current key must be among the connection's `serverKeys`, and must have signed the next one.
 *
 * @throws {UntrustedResponseError} The server's key is not pinned, or did not sign the next one.
 * @throws {ServerUnavailableError} The server cannot be reached, or did not answer in time.
 * @throws {RefusedError} The server refused the call.
 *
 * @example
 * ```ts
 * import { type Connection, fetchServerKeys, publicKeyToText } from 'sessiond/client'
 *
 * export async function keysToPin(server: Connection): Promise<string[]> {
 *   const keys = await fetchServerKeys(server)
 *   return keys.map((key) => publicKeyToText(key))
 * }
 * ```
 */
export async function fetchServerKeys(
  connection: Connection,
  options: CallOptions = {},
): Promise<readonly Uint8Array[]> {
  const question = {
    path: '/sessiond.v1.Identity/GetIdentity',
    service: SERVICE,
    request: GetIdentityRequest.encode({}).finish(),
    isRepeatable: true,
  }
  return trustedKeys(await ask(connection, question, options), connection.serverKeys)
}

function trustedKeys(answer: Uint8Array, serverKeys: Connection['serverKeys']): Uint8Array[] {
  const { identity, nextIdentity, nextIdentitySignature } = decode(answer)
  if (!isPinned(identity, serverKeys)) {
    const seen = hex.encode(identity)
    throw new UntrustedResponseError(`the server's key is ${seen}, which is not pinned`)
  }
  const current = Uint8Array.from(identity)
  if (nextIdentity.length === 0) {
    return [current]
  }
  const statement = nextIdentityStatement(nextIdentity)
  if (!nodeEd25519.verify(identity, statement, nextIdentitySignature)) {
    throw new UntrustedResponseError('the next key is not signed by the current one')
  }
  return [current, Uint8Array.from(nextIdentity)]
}

function decode(answer: Uint8Array): GetIdentityResponse {
  let message: GetIdentityResponse
  try {
    message = GetIdentityResponse.decode(answer)
  } catch (error) {
    throw new UntrustedResponseError('it cannot be decoded', error)
  }
  if (
    message.identity.length !== ED25519_KEY_BYTES ||
    ![0, ED25519_KEY_BYTES].includes(message.nextIdentity.length)
  ) {
    throw new UntrustedResponseError(`a key does not have ${ED25519_KEY_BYTES} bytes`)
  }
  return message
}
