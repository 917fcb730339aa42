import { base58, hex } from '@scure/base'
import { isJsonObject } from '../../core/commands/json-text.js'
import { InputFileError, NothingMatchedError } from '../../core/errors.js'
import { readInputText } from '../../files/read.js'
import type { TokenSession } from '../../tokens/index.js'

/** The session of `--session FILE`; `-` is standard input. Throws InputFileError. */
export function readSession(file: string): TokenSession {
  const name = file === '-' ? '/dev/stdin' : file
  const text = readInputText(name)
  if (text.trim() === '') {
    throw new InputFileError(name, 'is empty: give what `sessiond create --json` prints')
  }
  try {
    return sessionOf(JSON.parse(text))
  } catch (error) {
    throw new InputFileError(name, 'is not what `sessiond create --json` prints', error)
  }
}

/**
 * The ids that were given, or else those of standard input: one a line, each an id or the JSON of a session that another
 * command printed. Throws InputFileError, and NothingMatchedError where there are none, as of a list of nothing.
 */
export function sessionIds(given: readonly string[]): readonly string[] {
  if (given.length > 0) {
    return given
  }
  const lines = readInputText('/dev/stdin').split('\n')
  const ids = lines.map((line) => line.trim()).filter((line) => line !== '')
  if (ids.length === 0) {
    throw new NothingMatchedError('standard input names no session')
  }
  return ids.map((text) => (text.startsWith('{') ? idIn(text) : text))
}

function idIn(json: string): string {
  let session: unknown
  try {
    session = JSON.parse(json)
  } catch {
    // Refused below.
  }
  if (!isJsonObject(session) || typeof session.id !== 'string') {
    throw new InputFileError(
      '/dev/stdin',
      'has a line that is neither an ID nor the JSON of a session',
    )
  }
  return session.id
}

function sessionOf(json: unknown): TokenSession {
  if (!isJsonObject(json) || !isJsonObject(json.lifetime)) {
    throw new TypeError('no session')
  }
  const { exp, nbf, iat } = json.lifetime
  return {
    id: `${json.id}`,
    publicKey: hex.decode(`${json.public_key}`),
    owner: base58.decode(`${json.owner}`.slice(0, MAX_OWNER_CHARS)),
    lifetime: { exp: BigInt(`${exp}`), nbf: BigInt(`${nbf}`), iat: BigInt(`${iat}`) },
  }
}

/** Decoding base58 takes time by the square of its length. 64 bytes have 88 characters. */
const MAX_OWNER_CHARS = 100
