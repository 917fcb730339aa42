import { Guard, type GuardOptions, type KnownEndings } from '../../src/guard/index.js'
import { type HttpRequestToSign, signHttpRequest } from '../../src/tokens/index.js'
import { EXP, NBF, sessionKey, tokenWith } from './tokens.js'

export const AUDIENCE = 'objects.example'
/** An instant within the lifetime of the tokens of `tokens.ts`. */
export const NOW_MS = Number(NBF + 60n) * 1000
export const AFTER_MS = Number(EXP + 1n) * 1000

/** A clock by hand, and a guard that goes by it. */
export function guardAt(options: Partial<GuardOptions> = {}) {
  const clock = { nowMs: NOW_MS }
  const guard = new Guard({
    ...{ audience: AUDIENCE, endings: 'not-watched', nowMs: () => clock.nowMs },
    ...options,
  })
  return { guard, clock }
}

/** Which sessions have ended, as a test says. */
export class Endings implements KnownEndings {
  readonly ids = new Set<string>()
  verifiedAtMs: number | null = NOW_MS
  isEnded(id: string): boolean {
    return this.ids.has(id)
  }
}

/** The headers of a request to get an object, but for the parts that are given. */
export const signedHttp = (
  request: Partial<HttpRequestToSign> = {},
  nowMs = NOW_MS,
  key = sessionKey,
  token: Uint8Array = tokenWith(),
) => signHttpRequest({ url: `https://${AUDIENCE}/c/o?x=1`, ...request }, token, key, nowMs)

/** A request as a server sees it. */
export function arrived(
  headers: Readonly<Record<string, string | readonly string[]>>,
  parts: { method?: string; target?: string; body?: Uint8Array } = {},
) {
  const { method = 'GET', target = '/c/o?x=1', body = new Uint8Array() } = parts
  return {
    ...{ method, target, body, authority: AUDIENCE },
    header: (name: string) => [headers[name] ?? []].flat(),
  }
}
