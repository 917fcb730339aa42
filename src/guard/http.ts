import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Guard, GuardedUse } from './guard.js'
import { readHttpProof } from './http-proof.js'
import { type GuardReason, type GuardVerdict, NOT_FOR_TOKENS, remember } from './verdict.js'

const DEFAULT_MAX_BODY_BYTES = 1024 * 1024

/** What a request wants to do, and how large it may be. */
export interface HttpGuardOptions<Request extends IncomingMessage = IncomingMessage> {
  /** What the request is about to do, for the token must allow it. null: nothing that tokens are for; it is refused. */
  readonly use: (request: Request) => GuardedUse | null
  /** A longer body is refused with 413, before anything is checked. Default: 1 MiB. */
  readonly maxBodyBytes?: number
}

/** A request that was checked, as handlers see it. */
export interface GuardedRequest extends IncomingMessage {
  /** The body, which was read to check it. Parsers of a framework, such as `express.json`, do not read it again. */
  body: Buffer
}

/** The HTTP status of each reason. All others: 401. */
const STATUSES: Readonly<Partial<Record<GuardReason, number>>> = {
  VERB_NOT_ALLOWED: 403,
  OBJECT_NOT_ALLOWED: 403,
  TOO_MANY_REQUESTS: 429,
  ENDINGS_STALE: 503,
}

/**
 * A middleware for `node:http`, Express and alike that serves a request only if the guard lets it through. Otherwise it answers:
 * 401, 403, 413, 429 or 503, with `{"error": REASON}`. The request must be signed as `signHttpRequest` does (RFC 9421). The body is
 * read and checked before `next` is called, and is then `request.body`, a Buffer.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { type Guard, guardedToken, httpGuard } from 'sessiond/guard'
 *
 * export function serve(guard: Guard) {
 *   const guarded = httpGuard(guard, {
 *     use: ({ method }) => (method === 'GET' ? { verb: 'OBJECT_GET' } : null),
 *   })
 *   return createServer((request, response) =>
 *     guarded(request, response, () => response.end(`hello, ${guardedToken(request)?.id}\n`)),
 *   )
 * }
 * ```
 */
export function httpGuard<Request extends IncomingMessage = IncomingMessage>(
  guard: Guard,
  { use, maxBodyBytes = DEFAULT_MAX_BODY_BYTES }: HttpGuardOptions<Request>,
): (request: Request, response: ServerResponse, next: (error?: unknown) => void) => void {
  return (request, response, next) => {
    decide(guard, request, use, maxBodyBytes).then(
      (decision) => {
        if (decision === 'too long') {
          refuse(response, 413, 'BODY_TOO_LONG')
        } else if (decision.isGood) {
          next()
        } else {
          refuse(response, STATUSES[decision.reason] ?? 401, decision.reason)
        }
      },
      // The connection broke, or `use` threw.
      (error: unknown) => next(error),
    )
  }
}

async function decide<Request extends IncomingMessage>(
  guard: Guard,
  request: Request,
  use: HttpGuardOptions<Request>['use'],
  maxBodyBytes: number,
): Promise<GuardVerdict | 'too long'> {
  const body = await readBody(request, maxBodyBytes)
  if (body === null) {
    return 'too long'
  }
  const verdict = verdictOn(guard, request, body, use(request))
  if (verdict.isGood) {
    remember(request, verdict.token)
    Object.assign(request, { body })
  }
  return verdict
}

function verdictOn(
  guard: Guard,
  request: IncomingMessage & { readonly originalUrl?: string },
  body: Uint8Array,
  use: GuardedUse | null,
): GuardVerdict {
  const { method = '', headersDistinct } = request
  // Express takes the path at which a router is mounted off `url`.
  const target = request.originalUrl ?? request.url ?? ''
  if (use === null) {
    return guard.refuse(NOT_FOR_TOKENS)
  }
  const header = (name: string) => headersDistinct[name] ?? []
  const proof = readHttpProof({ method, authority: guard.audience, target, header, body })
  return guard.check(proof, use)
}

/** The whole body; null if it is too long. Throws when the connection breaks. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    return null
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) {
      return null
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  if (response.headersSent || response.destroyed) {
    return
  }
  const body = `${JSON.stringify({ error: reason })}\n`
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      // RFC 9110 section 11.6.1 asks for it; a body that was not read must not be taken for the next request.
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(status === 413 && { connection: 'close' }),
      ...((status === 429 || status === 503) && { 'retry-after': '1' }),
    })
    .end(body)
}
