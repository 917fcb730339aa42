// The server of the page. It opens sessions for keys that browsers hold, and takes requests that those keys signed.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import {
  type CreatedSession,
  connect,
  generateKey,
  publicKeyFromText,
  signerOf,
  TokensClient,
} from 'sessiond/client'
import { epochNow, issueToken, TokenChecker, tokenFromText, tokenToText } from 'sessiond/token'

const { PORT = '8081', SESSIOND_SERVER = '127.0.0.1:8090', SESSIOND_SERVER_KEY = '' } = process.env
const LIFETIME_MS = 3_600_000
const MAX_AGE_MS = 30_000

// Who the visitor is to this server. A real one has such a key for each account, and asks for a login before it uses it.
const owner = signerOf(generateKey('ed25519'))
const serverKeys = [publicKeyFromText(SESSIOND_SERVER_KEY, 'SESSIOND_SERVER_KEY')]
const sessions = new TokensClient(connect(SESSIOND_SERVER, { serverKeys }), owner)
const checker = new TokenChecker()

/** Sessions that wait for the proof that the browser has the key. */
const opening = new Map<string, { prove(proof: Buffer): void; session: Promise<CreatedSession> }>()

/** Begins to open a session for this key, and returns what the key must sign. */
async function begin(publicKey: Buffer) {
  const id = randomUUID()
  const [asked, proof] = [later<Uint8Array>(), later<Uint8Array>()]
  // The key is elsewhere, so that its signature comes with the page's next request.
  const sign = (message: Uint8Array) => {
    asked.tell(message)
    return proof.told
  }
  const session = sessions.bind({ sessionKey: { publicKey, sign }, lifetimeMs: LIFETIME_MS })
  session.catch(() => {}) // `finish` tells of it.
  opening.set(id, { prove: proof.tell, session })
  setTimeout(() => opening.delete(id), MAX_AGE_MS).unref()
  return { id, toSign: Buffer.from(await asked.told).toString('hex') }
}

function later<T>() {
  let tell: (value: T) => void = () => {}
  const told = new Promise<T>((resolve) => {
    tell = resolve
  })
  return { tell, told }
}

/** Opens the session, and allows its key what the page needs. */
async function finish(id: string, proof: Buffer) {
  const found = opening.get(id)
  opening.delete(id)
  if (found === undefined) {
    throw new Refusal(404, 'nothing waits for this proof')
  }
  found.prove(proof)
  const session = await found.session
  return { token: tokenToText(await issueToken({ session, verb: 'OBJECT_PUT' }, owner)) }
}

/** By nonce, when it was used: nobody can send a request of somebody else's a second time. */
const used = new Map<string, number>()

/** The session of a request. Throws Refusal unless its token is of this owner and alive, and its key signed all of it. */
async function sessionOf({ method, url, headers }: IncomingMessage, body: string): Promise<string> {
  const header = (name: string) => `${headers[`session-${name}`]}`
  const [time, nonce] = [header('time'), header('nonce')]
  const nowMs = Date.now()
  for (const [known, usedAtMs] of used) {
    if (nowMs - usedAtMs > 2 * MAX_AGE_MS) {
      used.delete(known)
    }
  }
  if (!(Math.abs(nowMs - Number(time)) <= MAX_AGE_MS) || used.has(nonce)) {
    throw new Refusal(401, 'the request is old, or was sent before')
  }
  const content = Buffer.from([method, url, time, nonce, body].join('\n'))
  const token = tokenFromText(header('token'))
  const proof = { content, signature: Buffer.from(header('signature'), 'hex') }
  const verdict = checker.check(token, { verb: 'OBJECT_PUT', epoch: epochNow(), proof })
  if (!verdict.isGood) {
    throw new Refusal(401, verdict.reason)
  }
  if (Buffer.compare(verdict.token.owner, owner.publicKey) !== 0) {
    throw new Refusal(403, 'the token is of somebody else')
  }
  used.set(nonce, nowMs)
  const { active, reason } = await sessions.introspect({ token })
  if (!active) {
    throw new Refusal(401, `${reason}`)
  }
  return verdict.token.id
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

const PAGE: Record<string, readonly [file: string, type: string]> = {
  '/': ['../index.html', 'text/html'],
  '/page.js': ['page.js', 'text/javascript'],
}

async function answer(
  request: IncomingMessage,
): Promise<readonly [body: string | Buffer, type?: string]> {
  const body = await text(request)
  switch (`${request.method} ${request.url}`) {
    case 'POST /session':
      return [JSON.stringify(await begin(Buffer.from(JSON.parse(body).publicKey, 'hex')))]
    case 'POST /session/proof': {
      const { id, proof } = JSON.parse(body)
      return [JSON.stringify(await finish(id, Buffer.from(proof, 'hex')))]
    }
    case 'POST /notes':
      return [`session ${await sessionOf(request, body)} wrote: ${body}`]
    case 'DELETE /session': {
      const id = await sessionOf(request, body)
      await sessions.revoke(id)
      return [`session ${id} has ended`]
    }
    default: {
      const found = request.method === 'GET' ? PAGE[request.url ?? ''] : undefined
      if (found === undefined) {
        throw new Refusal(404, 'not found')
      }
      return [readFileSync(new URL(found[0], import.meta.url)), found[1]]
    }
  }
}

const server = createServer(async (request, response) => {
  try {
    const [body, type = 'text/plain'] = await answer(request)
    response.writeHead(200, { 'content-type': type }).end(body)
  } catch (error) {
    const isRefusal = error instanceof Refusal
    if (!isRefusal) {
      console.error(error)
    }
    const [status, message] = isRefusal ? [error.status, error.message] : [500, 'it did not work']
    response.writeHead(status, { 'content-type': 'text/plain' }).end(message)
  }
})
server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
})
