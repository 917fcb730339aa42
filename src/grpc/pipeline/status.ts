import type { OutgoingHttpHeaders } from 'node:http2'
import { Metadata, type StatusObject, status } from '@grpc/grpc-js'
import { BadRequest, ErrorInfo, RetryInfo } from '#generated/google/rpc/error_details'
import { Status } from '#generated/google/rpc/status'
import {
  BusyError,
  type CallerErrorCode,
  isCallerError,
  RateLimitedError,
} from '../../core/errors.js'

/** The `domain` of ErrorInfo: who defines the reasons. */
const ERROR_DOMAIN = 'sessiond'
const RETRY_DELAY_SECONDS = 1n
/**
 * A message may quote the request. It stands in the trailers three times, percent-encoded or in base64. Many clients accept
 * 8 KiB of trailers; with far longer ones the call would never end.
 */
const MAX_MESSAGE_CHARS = 400

/** The only map from our errors to gRPC codes. */
export const STATUS_CODES: Readonly<Record<CallerErrorCode, status>> = {
  MALFORMED: status.INVALID_ARGUMENT,
  MISSING_FIELD: status.INVALID_ARGUMENT,
  INVALID_FIELD: status.INVALID_ARGUMENT,
  INVALID_LIFETIME: status.INVALID_ARGUMENT,
  BAD_SIGNATURE: status.UNAUTHENTICATED,
  CREDENTIAL_REQUIRED: status.UNAUTHENTICATED,
  FORWARDED: status.PERMISSION_DENIED,
  OWNER_KEY_MISMATCH: status.PERMISSION_DENIED,
  SIGNER_NOT_ALLOWED: status.PERMISSION_DENIED,
  TOKEN_REFUSED: status.PERMISSION_DENIED,
  EPOCH_DRIFT: status.FAILED_PRECONDITION,
  UNSUPPORTED_VERSION: status.FAILED_PRECONDITION,
  SESSION_ENDED: status.FAILED_PRECONDITION,
  QUOTA_EXCEEDED: status.RESOURCE_EXHAUSTED,
  RATE_LIMITED: status.RESOURCE_EXHAUSTED,
  BUSY: status.RESOURCE_EXHAUSTED,
  REQUEST_TIMEOUT: status.RESOURCE_EXHAUSTED,
  IDEMPOTENCY_KEY_REUSED: status.ALREADY_EXISTS,
  CLOCK_SUSPECT: status.FAILED_PRECONDITION,
  STORE_UNAVAILABLE: status.UNAVAILABLE,
  SERVER_UNAVAILABLE: status.UNAVAILABLE,
  STORE_DAMAGED: status.DATA_LOSS,
  NOT_FOUND: status.NOT_FOUND,
  // An ended session stays ended; ABORTED would invite a retry.
  CONFLICT: status.FAILED_PRECONDITION,
  KEY_NOT_CHANGED: status.FAILED_PRECONDITION,
}

/** The status of a call that is refused. */
export interface Refusal extends StatusObject {
  /** How many failures it counts as: none where the caller had proved who it is. Default: 1. */
  readonly failures?: number
}

/**
 * What a client learns of an error. Of ours: the message, and in `grpc-status-details-bin` a google.rpc.Status with the
 * reason and the wrong field. Of any other error: nothing.
 */
export function toStatus(error: unknown): Refusal {
  if (!isCallerError(error)) {
    return { code: status.INTERNAL, details: 'internal error', metadata: new Metadata() }
  }
  const code = STATUS_CODES[error.code]
  const message = shortened(error.message)
  const details = [
    any('google.rpc.ErrorInfo', ErrorInfo, {
      reason: error.code,
      domain: ERROR_DOMAIN,
      metadata: new Map(Object.entries(error.metadata)),
    }),
  ]
  if (code === status.INVALID_ARGUMENT && error.field !== undefined) {
    const fieldViolations = [{ field: error.field, description: message }]
    details.push(any('google.rpc.BadRequest', BadRequest, { fieldViolations }))
  }
  const isPassing = error instanceof RateLimitedError || error instanceof BusyError
  if (code === status.UNAVAILABLE || isPassing) {
    const retryDelay = { seconds: RETRY_DELAY_SECONDS, nanos: 0 }
    details.push(any('google.rpc.RetryInfo', RetryInfo, { retryDelay }))
  }
  const metadata = new Metadata()
  const encoded = Status.encode({ code, message, details }).finish()
  metadata.set('grpc-status-details-bin', Buffer.from(encoded))
  return { code, details: message, metadata }
}

/** A refusal as headers that end a stream, for streams that have not become a call of grpc-js. */
export function toHeaders({ code, details, metadata }: Refusal): OutgoingHttpHeaders {
  return {
    ':status': 200,
    'content-type': 'application/grpc+proto',
    'grpc-status': code,
    'grpc-message': encodeURI(details),
    ...metadata.toHttp2Headers(),
  }
}

/** Cuts the message, and removes lone surrogates, which grpc-js cannot encode. */
function shortened(message: string): string {
  const isLong = message.length > MAX_MESSAGE_CHARS
  const text = isLong ? `${message.slice(0, MAX_MESSAGE_CHARS)}…` : message
  return text.replace(/\p{Surrogate}/gu, '')
}

function any<T>(
  name: string,
  type: { encode(message: T): { finish(): Uint8Array } },
  message: T,
): { typeUrl: string; value: Uint8Array } {
  return { typeUrl: `type.googleapis.com/${name}`, value: type.encode(message).finish() }
}
