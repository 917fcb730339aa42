import type { Call } from './call.js'
import type { Codec } from './contracts.js'

/** What a service declares of a method. The pipeline does the rest. */
interface MethodOf<Request, Response, Answer> {
  readonly request: Codec<Request>
  readonly response: Codec<Response>
  /** Its name in the audit log, such as `erase`. Absent: the pipeline does not audit it. */
  readonly audit?: string
  handle(request: Request, call: Call): Answer
}

export interface UnaryMethod<Request = unknown, Response = unknown>
  extends MethodOf<Request, Response, Response | Promise<Response>> {
  readonly isStream: false
}

export interface StreamMethod<Request = unknown, Response = unknown>
  extends MethodOf<Request, Response, AsyncIterable<Response>> {
  readonly isStream: true
}

/** By their names in the contract. */
export type Methods = Readonly<Record<string, UnaryMethod | StreamMethod>>

/** A method with one answer. */
export function unary<Request, Response>(
  method: Omit<UnaryMethod<Request, Response>, 'isStream'>,
): UnaryMethod {
  return { ...method, isStream: false } as UnaryMethod
}

/** A method that answers with a stream. It produces no more than the client reads. */
export function stream<Request, Response>(
  method: Omit<StreamMethod<Request, Response>, 'isStream'>,
): StreamMethod {
  return { ...method, isStream: true } as StreamMethod
}
