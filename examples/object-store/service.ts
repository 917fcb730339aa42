// A service that works for an owner who is away. It has a key of its own and the owner's tokens, but no key of the owner:
// sessiond signs with the session key for it, within what the tokens allow.
//
// Usage: service.js put FILE | get ID
import { readFileSync } from 'node:fs'
import { credentials } from '@grpc/grpc-js'
import {
  connect,
  privateKeyFromPem,
  publicKeyFromText,
  signerOf,
  TokensClient,
} from 'sessiond/client'
import { checkToken, tokenFromText, type Verb } from 'sessiond/token'
import { type GetResponse, Objects, type ObjectsClient } from './contract.js'
import { getStatement, idOf, putStatement } from './statements.js'

const { OBJECTS = '127.0.0.1:9090', SESSIOND_SERVER = '127.0.0.1:8090' } = process.env
const { SESSIOND_SERVER_KEY = '' } = process.env

const serverKeys = [publicKeyFromText(SESSIOND_SERVER_KEY, 'SESSIOND_SERVER_KEY')]
const sessiond = connect(SESSIOND_SERVER, { serverKeys })
const key = privateKeyFromPem(readFileSync('service.key', 'utf8'), 'service.key')
const sessions = new TokensClient(sessiond, signerOf(key))
const store = new Objects(OBJECTS, credentials.createInsecure()) as unknown as ObjectsClient

async function put(content: Uint8Array): Promise<void> {
  const token = tokenOf('put.token')
  const [container, id] = [await containerOf(token), idOf(content)]
  const statement = putStatement(container, id)
  const permission = await signed(token, 'OBJECT_PUT', container, id, statement)
  await answer((done) => store.Put({ container, content, permission }, done))
  console.log(id.toString('hex'))
}

async function get(id: Uint8Array): Promise<void> {
  const token = tokenOf('get.token')
  const [container, timeMs] = [await containerOf(token), `${Date.now()}`]
  const statement = getStatement(container, id, timeMs)
  const permission = await signed(token, 'OBJECT_GET', container, id, statement)
  const request = { container, id, timeMs, permission }
  const found = await answer<GetResponse>((done) => store.Get(request, done))
  checkFound(container, id, found)
  process.stdout.write(found.content)
}

/** What `sessiond token issue` printed. */
const tokenOf = (file: string) => tokenFromText(readFileSync(file, 'utf8').trim())

/** Every owner has one container, with the owner's ID as its own. */
async function containerOf(token: Uint8Array): Promise<Uint8Array> {
  const { session, reason } = await sessions.introspect({ token })
  if (session === null) {
    throw new Error(`the token is not good: ${reason}`)
  }
  return session.owner
}

/** A permission: the token, and the session key's signature, which sessiond makes. */
async function signed(
  token: Uint8Array,
  verb: Verb,
  containerId: Uint8Array,
  objectId: Uint8Array,
  statement: Uint8Array,
) {
  const object = { containerId, objectId }
  const [signature] = await sessions.sign({ token, verb, object, data: [statement] })
  return { token, signature: signature as Uint8Array }
}

/** Nobody need believe the store: what it gives shows by itself that the owner let it be put. */
function checkFound(container: Uint8Array, id: Uint8Array, found: GetResponse): void {
  const { token, signature } = found.putUnder
  const verdict = checkToken(token, {
    verb: 'OBJECT_PUT',
    object: { containerId: container, objectId: id },
    epoch: BigInt(found.putEpoch),
    proof: { content: putStatement(container, idOf(found.content)), signature },
  })
  if (!verdict.isGood || Buffer.compare(verdict.token.owner, container) !== 0) {
    throw new Error('the store gave an object that its owner never let be put')
  }
}

const answer = <T>(call: (done: (error: Error | null, answer: T) => void) => void) =>
  new Promise<T>((resolve, reject) =>
    call((error, given) => (error === null ? resolve(given) : reject(error))),
  )

const [command, argument = ''] = process.argv.slice(2)
try {
  if (command === 'put') {
    await put(readFileSync(argument))
  } else if (command === 'get') {
    await get(Buffer.from(argument, 'hex'))
  } else {
    console.error('usage: service.js put FILE | get ID')
    process.exitCode = 2
  }
} catch (error) {
  console.error(`service: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  sessiond.close()
  store.close()
}
