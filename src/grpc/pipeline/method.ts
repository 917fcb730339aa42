import type { Call } from './call.js'
import type { Codec } from './contracts.js'

/** What a service says of a method: the pipeline does the rest. */
interface MethodOf<Request, Response, Answer> {
  readonly request: Codec<Request>
  readonly response: Codec<Response>
  /** What the audit log calls it, such as `erase`. Absent: it is not audited here. */
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

/** A method that answers with a stream. It is asked for no more than the client takes. */
export function stream<Request, Response>(
  method: Omit<StreamMethod<Request, Response>, 'isStream'>,
): StreamMethod {
  return { ...method, isStream: true } as StreamMethod
}
