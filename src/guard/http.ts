import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Guard, GuardedUse } from './guard.js'
import { readHttpHead } from './http-proof.js'
import { type GuardReason, type GuardVerdict, NOT_FOR_TOKENS, remember } from './verdict.js'

const DEFAULT_MAX_BODY_BYTES = 1024 * 1024

/** What a request wants to do, and how large it may be. */
export interface HttpGuardOptions<Request extends IncomingMessage = IncomingMessage> {
  /** What the request is about to do, for the token must allow it. null: nothing that tokens are for; it is refused. */
  readonly use: (request: Request) => GuardedUse | null
  /** A longer body is refused with 413. Default: 1 MiB. */
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
 * read only if all else holds, and checked before `next` is called. It is then `request.body`, a Buffer.
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
      (verdict) => {
        if (verdict.isGood) {
          next()
        } else {
          refuse(request, response, STATUSES[verdict.reason] ?? 401, verdict.reason)
        }
      },
      (error: unknown) => {
        if (error instanceof BodyTooLongError) {
          refuse(request, response, 413, 'BODY_TOO_LONG')
        } else {
          // The connection broke, or `use` threw.
          next(error)
        }
      },
    )
  }
}

/** Reads the body only of a request whose head is good. Throws BodyTooLongError, what `use` throws, and when the connection breaks. */
async function decide<Request extends IncomingMessage>(
  guard: Guard,
  request: Request & { readonly originalUrl?: string },
  use: HttpGuardOptions<Request>['use'],
  maxBodyBytes: number,
): Promise<GuardVerdict> {
  const wanted = use(request)
  if (wanted === null) {
    return guard.refuse(NOT_FOR_TOKENS)
  }
  const { method = '', headersDistinct } = request
  // Express takes the path at which a router is mounted off `url`.
  const target = request.originalUrl ?? request.url ?? ''
  const header = (name: string) => headersDistinct[name] ?? []
  const head = readHttpHead({ method, authority: guard.audience, target, header })
  const verdict = await guard.checkBeforeRest(head, wanted, async ({ bodyFault }) => {
    const body = await readBody(request, maxBodyBytes)
    Object.assign(request, { body })
    return bodyFault(body)
  })
  if (verdict.isGood) {
    remember(request, verdict.token)
  }
  return verdict
}

class BodyTooLongError extends Error {}

/** The whole body. Throws BodyTooLongError, and when the connection breaks. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    throw new BodyTooLongError()
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) {
      throw new BodyTooLongError()
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function refuse(
  { complete }: IncomingMessage,
  response: ServerResponse,
  status: number,
  reason: string,
): void {
  if (response.headersSent || response.destroyed) {
    return
  }
  const body = `${JSON.stringify({ error: reason })}\n`
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      // RFC 9110 section 11.6.1 asks for it.
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      // Node would read the rest of the body, however long it is.
      ...(!complete && { connection: 'close' }),
      ...((status === 429 || status === 503) && { 'retry-after': '1' }),
    })
    .end(body)
}
