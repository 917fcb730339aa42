import type { Client, ServiceError } from '@grpc/grpc-js'
import { refusal, toBuffer } from './call.js'

/**
 * One call of raw bytes that is answered by a stream of them. Whoever stops reading cancels it. It has no
 * deadline: a peer that is gone is noticed by the connection. Throws RefusedError, or the signal's reason.
 */
export async function* callServerStream(
  client: Client,
  path: string,
  request: Uint8Array,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  signal?.throwIfAborted()
  const call = client.makeServerStreamRequest(path, toBuffer, (bytes: Buffer) => bytes, request)
  const cancel = () => call.cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    yield* call
  } catch (error) {
    throw signal?.aborted ? signal.reason : refusal(error as ServiceError)
  } finally {
    signal?.removeEventListener('abort', cancel)
    cancel()
  }
}
