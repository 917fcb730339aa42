// The store. It has no list of users and keeps no passwords: a request carries what the owner allowed.
import { Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js'
import { connect, generateKey, publicKeyFromText, signerOf, TokensClient } from 'sessiond/client'
import { epochNow, TokenChecker, type TokenUse } from 'sessiond/token'
import {
  type GetRequest,
  type GetResponse,
  type Handlers,
  Objects,
  type Permission,
  type PutRequest,
} from './contract.js'
import { getStatement, idOf, putStatement } from './statements.js'

const { OBJECTS = '127.0.0.1:9090', SESSIOND_SERVER = '127.0.0.1:8090' } = process.env
const { SESSIOND_SERVER_KEY = '' } = process.env
const MAX_AGE_MS = 30_000

const serverKeys = [publicKeyFromText(SESSIOND_SERVER_KEY, 'SESSIOND_SERVER_KEY')]
const sessiond = connect(SESSIOND_SERVER, { serverKeys })
// Whoever has a token may ask whether its session lives, so that any key will do to ask with.
const sessions = new TokensClient(sessiond, signerOf(generateKey('ed25519')))
const checker = new TokenChecker()
const kept = new Map<string, GetResponse>()

async function put({ container, content, permission }: PutRequest) {
  const id = idOf(content)
  const use = { verb: 'OBJECT_PUT', object: { containerId: container, objectId: id } } as const
  const putUnder = await allowed(use, container, permission, putStatement(container, id))
  kept.set(nameOf(container, id), { content, putUnder, putEpoch: `${epochNow()}` })
  return { id }
}

async function get({ container, id, timeMs, permission }: GetRequest) {
  if (!(Math.abs(Date.now() - Number(timeMs)) <= MAX_AGE_MS)) {
    throw refusal(status.UNAUTHENTICATED, 'the request is too old, or of a clock that is wrong')
  }
  const use = { verb: 'OBJECT_GET', object: { containerId: container, objectId: id } } as const
  await allowed(use, container, permission, getStatement(container, id, timeMs))
  const found = kept.get(nameOf(container, id))
  if (found === undefined) {
    throw refusal(status.NOT_FOUND, 'there is no such object')
  }
  return found
}

/** Throws unless the owner of the container allows this, the sender has the session key, and the session lives. */
async function allowed(
  use: Pick<TokenUse, 'verb' | 'object'>,
  container: Uint8Array,
  permission: Permission | null,
  content: Uint8Array,
): Promise<Permission> {
  if (permission === null) {
    throw refusal(status.UNAUTHENTICATED, 'there is no permission')
  }
  const { token, signature } = permission
  const verdict = checker.check(token, { ...use, epoch: epochNow(), proof: { content, signature } })
  if (!verdict.isGood) {
    throw refusal(status.PERMISSION_DENIED, verdict.reason)
  }
  // Anyone can sign a token for any container: it counts where its owner is the container's.
  if (Buffer.compare(verdict.token.owner, container) !== 0) {
    throw refusal(status.PERMISSION_DENIED, 'the container is of another owner')
  }
  const { active, reason } = await sessions.introspect({ token })
  if (!active) {
    throw refusal(status.PERMISSION_DENIED, reason ?? '')
  }
  return permission
}

const nameOf = (container: Uint8Array, id: Uint8Array) =>
  Buffer.concat([container, id]).toString('hex')

const refusal = (code: status, details: string) =>
  Object.assign(new Error(details), { code, details })

const handlers: Handlers = {
  Put: ({ request }, done) => void put(request).then((answer) => done(null, answer), failed(done)),
  Get: ({ request }, done) => void get(request).then((answer) => done(null, answer), failed(done)),
}

/** Tells callers of refusals. Of all else, such as a sessiond that is away, they learn that it did not work. */
const failed = (done: (error: Partial<ServiceError>) => void) => (error: Partial<ServiceError>) => {
  if (error.details === undefined) {
    console.error(error)
  }
  done(error.details === undefined ? { code: status.UNAVAILABLE, details: 'try again' } : error)
}

const server = new Server()
server.addService(Objects.service, handlers)
server.bindAsync(OBJECTS, ServerCredentials.createInsecure(), (error) => {
  if (error) {
    throw error
  }
  console.log(`objects are on ${OBJECTS}`)
})
