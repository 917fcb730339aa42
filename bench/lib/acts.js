import { randomBytes } from 'node:crypto'

const ID_DIGITS = 12

/** The length of a message's id. */
export const ID_LENGTH = 2 * ID_DIGITS + 1

/**
 * Lines of Seneca's TCP wire, as clients of version 3.38 send them, without end: the acts of `actAt(i)`.
 * @returns {Generator<Buffer, never>}
 */
export function* actLines(actAt) {
  const cid = randomBytes(ID_DIGITS / 2).toString('hex')
  const origin = `${cid}/${Date.now()}/${process.pid}/3.38.0/-`
  for (let i = 0; ; i++) {
    const mid = String(i).padStart(ID_DIGITS, '0')
    const message = {
      id: `${mid}/${cid}`,
      kind: 'act',
      origin,
      track: [origin],
      time: { client_sent: Date.now() },
      act: { role: 'sessions', version: 1, ...actAt(i), custom$: {} },
      sync: true,
      msg$: { vin: 1, sid: origin, out: true, mid, cid, snc: true, pat: '' },
    }
    yield Buffer.from(`${JSON.stringify(message)}\n`)
  }
}
