import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as oauth from 'oauth4webapi'
import { describe, expect, it } from 'vitest'
import { uuidBytes } from '../../src/core/uuid.js'
import { issueToken, tokenToText } from '../../src/tokens/index.js'
import { createClient, createRequest, epochNow, newOwner } from '../support/create.js'
import { sessiond, startServer, temporaryDirectory } from '../support/process.js'
import { havePython, python } from '../support/python.js'
import { tokensClient } from '../support/tokens-client.js'

const CHECK_JWT = fileURLToPath(new URL('python/check_jwt.py', import.meta.url))
const GATEWAY_TOKEN = 'a-gateway-token-of-enough-characters'

/** A server, and a session with a token and a JWT, which all tests of the file share. */
const itShown = it
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it what the fixture depends on
  .extend('directory', { scope: 'file' }, async ({}, { onCleanup }) =>
    temporaryDirectory(onCleanup),
  )
  .extend('shown', { scope: 'file' }, async ({ directory }, { onCleanup }) => {
    const dataDir = join(directory, 'data')
    const file = join(directory, 'tokens.json')
    await writeFile(file, JSON.stringify({ gateway: GATEWAY_TOKEN }))
    const server = await startServer({ dataDir, args: ['--introspection-tokens', file] })
    const { stdout } = await sessiond(['identity', '--data-dir', dataDir])
    const [create, tokens] = [
      createClient(server.ready.grpc),
      tokensClient(server.ready.grpc, Buffer.from(stdout.trim(), 'hex')),
    ]
    onCleanup(async () => {
      create.close()
      tokens.close()
      await server.stop()
    })
    const owner = newOwner()
    const now = epochNow()
    const lifetime = { exp: now + 3600n, nbf: now, iat: now }
    const { id, publicKey } = await create.create(createRequest({ signer: owner, lifetime }))
    const session = { id, publicKey, owner: owner.publicKey, lifetime }
    const asked = { id: uuidBytes(id), audience: ['gateway'], lifetime: undefined }
    const { jwt } = await tokens.call('IssueJwt', asked, owner)
    return {
      http: server.ready.http,
      id,
      token: tokenToText(await issueToken({ session, verb: 'OBJECT_GET' }, owner)),
      jwt,
      revoke: () => tokens.call('Revoke', { id: uuidBytes(id) }, owner),
    }
  })

describe('a client of RFC 8414 and RFC 7662 that others wrote', () => {
  itShown(
    'finds the introspection, asks it, and hears of the end of a session',
    async ({ shown }) => {
      const insecure = { [oauth.allowInsecureRequests]: true }
      const issuer = new URL(shown.http)
      const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
      const found = await oauth.processDiscoveryResponse(issuer, discovered)
      const authorization: oauth.ClientAuth = (_as, _client, _body, headers) =>
        headers.set('authorization', `Bearer ${GATEWAY_TOKEN}`)
      const client = { client_id: 'gateway' }
      const ask = async (token: string) => {
        const response = await oauth.introspectionRequest(
          found,
          client,
          authorization,
          token,
          insecure,
        )
        return oauth.processIntrospectionResponse(found, client, response)
      }
      expect(await ask(shown.token)).toMatchObject({ active: true, iss: shown.http, sid: shown.id })
      expect(await ask(shown.jwt)).toMatchObject({ active: true, aud: 'gateway', sid: shown.id })
      await shown.revoke()
      expect(await ask(shown.token)).toEqual({ active: false })
      expect(await ask(shown.jwt)).toEqual({ active: false })
    },
  )
})

describe.skipIf(!havePython('jwt, cryptography'))('PyJWT', () => {
  itShown(
    'accepts the JWT by the JWKS, for whom it is meant, and no changed one',
    async ({ shown }) => {
      const { http, jwt, id } = shown
      const check = async (audience: string, token: string) =>
        JSON.parse(
          await python([CHECK_JWT, `${http}/.well-known/jwks.json`, http, audience, token]),
        )
      expect(await check('gateway', jwt)).toMatchObject({ iss: http, sid: id, aud: 'gateway' })
      expect(await check('another', jwt)).toBe('InvalidAudienceError')
      const [header, payload = '', signature] = jwt.split('.')
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
      const longer = Buffer.from(JSON.stringify({ ...claims, exp: claims.exp + 1 }))
      const changed = `${header}.${longer.toString('base64url')}.${signature}`
      expect(await check('gateway', changed)).toBe('InvalidSignatureError')
    },
  )
})
