// The page. It makes the session key, keeps it where no script can read it, and signs each request with it.
import { signHttpRequest, type TokenSigner, tokenFromText } from 'sessiond/token'

/** What the page keeps of its session. A CryptoKey goes into IndexedDB as it is, private and not exportable. */
interface Kept {
  readonly key: CryptoKeyPair
  readonly token: string
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

async function open(): Promise<Kept> {
  // false: nobody can export the private half.
  const key = await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify'])
  const { publicKey, sign } = await signerOf(key)
  // The server says what to sign, and sends it on with the signature: that proves that the key is here.
  const { id, toSign } = await post('/session', { publicKey: hex(publicKey) })
  const proof = hex(await sign(bytesOf(toSign)))
  const { token } = await post('/session/proof', { id, proof })
  const kept = { key, token: `${token}` }
  await stored('readwrite', (store) => store.put(kept, 'session'))
  return kept
}

/** Sends a request as the owner: with the token, and the session key's signature over all of it (RFC 9421). */
async function send({ key, token }: Kept, method: string, path: string, body?: string) {
  const request = { method, url: new URL(path, location.href).href, ...(body && { body }) }
  const headers = await signHttpRequest(request, tokenFromText(token), await signerOf(key))
  const response = await fetch(path, { ...request, headers: { ...headers } })
  return `${response.status} ${await response.text()}`
}

async function signerOf({ publicKey, privateKey }: CryptoKeyPair) {
  // WebCrypto gives 4, x and y. sessiond takes the short form of SEC 1: 2 or 3, for the sign of y, and x.
  const point = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey))
  return {
    publicKey: Uint8Array.of(2 + ((point[64] as number) & 1), ...point.subarray(1, 33)),
    sign: async (message) =>
      new Uint8Array(await crypto.subtle.sign(ALGORITHM, privateKey, Uint8Array.from(message))),
  } satisfies TokenSigner
}

const hex = (bytes: Uint8Array) =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
const bytesOf = (text = '') =>
  Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16))

async function post(path: string, body: object): Promise<Record<string, string>> {
  const response = await fetch(path, { method: 'POST', body: JSON.stringify(body) })
  if (!response.ok) {
    throw new Error(await response.text())
  }
  return (await response.json()) as Record<string, string>
}

/** Asks the only store of IndexedDB, which has the only record. */
function stored<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>) {
  return new Promise<T>((resolve, reject) => {
    const opened = indexedDB.open('session', 1)
    opened.onupgradeneeded = () => opened.result.createObjectStore('kept')
    opened.onerror = () => reject(opened.error)
    opened.onsuccess = () => {
      const asked = ask(opened.result.transaction('kept', mode).objectStore('kept'))
      asked.onerror = () => reject(asked.error)
      asked.onsuccess = () => resolve(asked.result)
    }
  })
}
const read = () => stored<Kept | undefined>('readonly', (store) => store.get('session'))

const said = document.querySelector('#said') as HTMLElement

/** Does what a button says, and shows what came of it. */
function on(id: string, act: (kept: Kept | undefined) => Promise<string>): void {
  document.querySelector(`#${id}`)?.addEventListener('click', async () => {
    said.textContent = '…'
    said.textContent = await read().then(act).catch(String)
  })
}

const withSession = (act: (kept: Kept) => Promise<string>) => async (kept: Kept | undefined) =>
  kept === undefined ? 'Open a session first.' : act(kept)

on('open', async () => {
  const { key } = await open()
  const exported = await crypto.subtle.exportKey('pkcs8', key.privateKey).catch(String)
  return `A session is open. Exporting its private key: ${exported}`
})
on(
  'write',
  withSession((kept) => send(kept, 'POST', '/notes', 'a note')),
)
on(
  'end',
  withSession((kept) => send(kept, 'DELETE', '/session')),
)
said.textContent = (await read()) ? 'There is a session from before.' : 'There is no session.'
