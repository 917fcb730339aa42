import { hex } from '@scure/base'
import { Option } from 'commander'
import { prefixedBytes } from '../../core/bytes.js'
import { isJsonObject } from '../../core/commands/json-text.js'
import { EpochClock, type EpochSettings } from '../../core/epoch.js'
import { SessiondError } from '../../core/errors.js'
import { ownerText } from '../../core/owner-text.js'
import { fault, type TokenFault } from '../../tokens/check.js'
import {
  type ObjectAddress,
  type SessionToken,
  tokenFromText,
  VERBS,
  type Verb,
} from '../../tokens/index.js'
import { parseFlag } from '../flags.js'
import { instantOrNull } from '../output/session-text.js'

const PREFIX = 'OBJECT_'
const VERB_NAMES = VERBS.map((verb) => verb.slice(PREFIX.length).toLowerCase())
/** An identifier in hex; decoding base58 takes time by the square of its length. */
const MAX_ID_CHARS = 256

export interface UseFlags {
  readonly verb?: string
  readonly container?: string
  readonly object?: string
}

/** The options that say what a token is for. `verbHelp`, `containerHelp`: what that means to the command. */
export const useOptions = (verbHelp: string, containerHelp: string) => [
  new Option('--verb <VERB>', `${verbHelp}: ${VERB_NAMES.join(', ')}`),
  new Option('--container <ID>', `${containerHelp}: hex:… or base58:…`),
  new Option('--object <ID>', 'one object of that container: hex:… or base58:…'),
]

/** Reads the values of `useOptions`. Adds mistakes to the list. */
export function readUseFlags(flags: UseFlags, mistakes: string[]) {
  const given = <T>(flag: string, text: string | undefined, parse: (text: string) => T) =>
    text === undefined ? undefined : parseFlag(flag, text, parse, mistakes)
  const verb = given('--verb', flags.verb, verbOf)
  const containerId = given('--container', flags.container, idOf)
  const objectId = given('--object', flags.object, idOf)
  if (objectId !== undefined && containerId === undefined) {
    mistakes.push('--object: only with --container')
  }
  const object: ObjectAddress | undefined = containerId && { containerId, objectId }
  return { verb, object }
}

/** Either `get` or, as in the contract, `OBJECT_GET`. */
function verbOf(text: string): Verb {
  const name = text.toUpperCase()
  const verb = VERBS.find((one) => one === name || one === `${PREFIX}${name}`)
  if (verb === undefined) {
    throw new Error(`"${text}" is not one of ${VERB_NAMES.join(', ')}`)
  }
  return verb
}

function idOf(text: string): Uint8Array {
  let id: Uint8Array | null = null
  try {
    id = text.length > MAX_ID_CHARS ? null : prefixedBytes(text)
  } catch {
    // Refused below.
  }
  if (id === null || id.length === 0) {
    throw new Error(`"${text}" is not hex:… or base58:…`)
  }
  return id
}

/** A token as `token issue` prints it, with `--json` or without: its bytes, or why it is none. */
export function tokenBytesIn(input: string): Uint8Array | TokenFault {
  try {
    return tokenFromText(tokenTextIn(input.trim()))
  } catch (error) {
    if (error instanceof SessiondError) {
      return fault('MALFORMED', error.message)
    }
    throw error
  }
}

function tokenTextIn(text: string): string {
  try {
    const json: unknown = text.startsWith('{') ? JSON.parse(text) : null
    return isJsonObject(json) && typeof json.token === 'string' ? json.token : text
  } catch {
    return text
  }
}

/** What a token says, for `--json`. Numbers of 64 bits are texts, because many JSON parsers lose precision beyond 53. */
export function tokenFacts(token: SessionToken) {
  const { id, owner, verb, lifetime, sessionKey, object, signer } = token
  const { exp, nbf, iat } = lifetime
  return {
    id,
    owner: ownerText(owner),
    verb,
    lifetime: { exp: `${exp}`, nbf: `${nbf}`, iat: `${iat}` },
    sessionKey: hex.encode(sessionKey),
    container: object && hex.encode(object.containerId),
    object: object?.objectId ? hex.encode(object.objectId) : null,
    signer: hex.encode(signer),
  }
}

/** The same for people. */
export function tokenLines(token: SessionToken, settings: EpochSettings): string {
  const { id, owner, verb, sessionKey, container, object } = tokenFacts(token)
  const { exp } = token.lifetime
  const expires = instantOrNull(new EpochClock(settings, Date.now).endsAtMs(exp))
  const objects = object === null ? 'every object' : `object hex:${object}`
  return [
    `session      ${id}`,
    `owner id     ${owner} (base58)`,
    `allows       ${verb}`,
    `on           ${objects}${container === null ? '' : ` of container hex:${container}`}`,
    `expires      ${expires} (epoch ${exp} is its last)`,
    `session key  ${sessionKey}`,
  ].join('\n')
}
