// The server of the page. It opens sessions for keys that browsers hold, and takes requests that those keys signed.
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import {
  type CreatedSession,
  connect,
  generateKey,
  publicKeyFromText,
  signerOf,
  TokensClient,
} from 'sessiond/client'
import { Guard, type GuardedRequest, guardedToken, httpGuard } from 'sessiond/guard'
import { issueToken, tokenToText } from 'sessiond/token'

const { PORT = '8081', SESSIOND_SERVER = '127.0.0.1:8090', SESSIOND_SERVER_KEY = '' } = process.env
const LIFETIME_MS = 3_600_000
const PROOF_WITHIN_MS = 30_000

// Who the visitor is to this server. A real one has such a key for each account, and asks for a login before it uses it.
const owner = signerOf(generateKey('ed25519'))
const serverKeys = [publicKeyFromText(SESSIOND_SERVER_KEY, 'SESSIOND_SERVER_KEY')]
const sessions = new TokensClient(connect(SESSIOND_SERVER, { serverKeys }), owner)

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
  setTimeout(() => opening.delete(id), PROOF_WITHIN_MS).unref()
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
    throw new Error('nothing waits for this proof')
  }
  found.prove(proof)
  const session = await found.session
  return { token: tokenToText(await issueToken({ session, verb: 'OBJECT_PUT' }, owner)) }
}

// Checks token, signature and time, and lets no request pass twice.
const guard = new Guard({ audience: `127.0.0.1:${PORT}`, endings: 'not-watched' })
const guarded = httpGuard<GuardedRequest>(guard, { use: () => ({ verb: 'OBJECT_PUT' }) })

/** The session of a request that the guard let through; null unless it is this owner's, and alive. */
async function sessionOf(request: GuardedRequest): Promise<string | null> {
  const token = guardedToken(request)
  if (token === undefined || Buffer.compare(token.owner, owner.publicKey) !== 0) {
    return null
  }
  return (await sessions.introspect({ id: token.id })).active ? token.id : null
}

async function asOwner(request: GuardedRequest, response: ServerResponse): Promise<void> {
  const id = await sessionOf(request)
  if (id === null) {
    response.writeHead(401).end('the session has ended, or is of somebody else')
  } else if (request.method === 'DELETE') {
    await sessions.revoke(id)
    response.end(`session ${id} has ended`)
  } else {
    response.end(`session ${id} wrote: ${request.body}`)
  }
}

async function open(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { publicKey, id, proof } = JSON.parse(await text(request))
  const answer =
    request.url === '/session'
      ? await begin(Buffer.from(publicKey, 'hex'))
      : await finish(id, Buffer.from(proof, 'hex'))
  response.end(JSON.stringify(answer))
}

// What `vite build` made of page/.
const folder = fileURLToPath(new URL('page/', import.meta.url))
const files = new Set(readdirSync(folder, { recursive: true }).map((file) => `/${file}`))
const TYPES: Record<string, string> = { html: 'text/html', js: 'text/javascript' }

function page(url: string, response: ServerResponse): void {
  const file = url === '/' ? '/index.html' : url
  const type = TYPES[file.replace(/^.*\./, '')]
  if (type !== undefined && files.has(file)) {
    response.setHeader('content-type', type).end(readFileSync(folder + file))
  } else {
    response.writeHead(404).end('not found')
  }
}

createServer((request, response) => {
  const failed = (error: unknown) => {
    console.error(error)
    response.writeHead(500).end('it did not work')
  }
  const what = `${request.method} ${request.url}`
  if (what === 'POST /session' || what === 'POST /session/proof') {
    open(request, response).catch(failed)
  } else if (what === 'POST /notes' || what === 'DELETE /session') {
    const checked = request as GuardedRequest
    guarded(checked, response, (error) =>
      error === undefined ? asOwner(checked, response).catch(failed) : failed(error),
    )
  } else {
    page(`${request.url}`, response)
  }
}).listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}`))
