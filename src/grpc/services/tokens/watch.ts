import { SignerError } from '../../../core/errors.js'
import { requestDigestBytes } from '../../../envelope/digest.js'
import { watchMethod } from '../../../envelope/tokens.js'
import type { Methods } from '../../pipeline/method.js'
import type { LiveEndings } from './live-endings.js'
import { type SignedPorts, signedStream } from './signed.js'

export interface WatchPorts {
  /** Whether the operator has named this key of a service. */
  readonly isService: (signer: Uint8Array) => boolean
}

/** `Watch`: the endings of all unexpired sessions, for services that accept tokens. */
export function watchMethods(
  { isService }: WatchPorts,
  live: LiveEndings,
  signed: SignedPorts,
): Methods {
  return {
    Watch: signedStream(signed, watchMethod, async function* ({ body, signer, message }, call) {
      const checkAllowed = () => {
        if (!isService(signer)) {
          throw new SignerError(null)
        }
      }
      checkAllowed()
      const request = requestDigestBytes(message)
      for await (const told of live.watch(body.cursor, request, call.peer, call.signal)) {
        // The operator may have taken it off the list.
        checkAllowed()
        yield told
      }
    }),
  }
}
