import { InvalidFieldError, TokenRefusedError } from '../../../core/errors.js'
import { type SignPorts, signUnder } from '../../../core/use/sign.js'
import { requestDigestBytes } from '../../../envelope/digest.js'
import { type SignBody, signMethod } from '../../../envelope/tokens.js'
import type { TokenChecker } from '../../../tokens/checker.js'
import { type SessionToken, VERBS } from '../../../tokens/token.js'
import type { Methods } from '../../pipeline/method.js'
import { answeringMethod, type SignedPorts } from './signed.js'

export interface SignMethodPorts extends SignPorts {
  readonly checker: TokenChecker
  /** Keys of sessions made so many signatures. */
  readonly onSigned: (signatures: number) => void
}

/** `Sign`: signatures by a session's sealed key, under a token. */
export function signMethods(ports: SignMethodPorts, signed: SignedPorts): Methods {
  return {
    Sign: answeringMethod(signed, signMethod, async ({ body, signer, caller, message }) => {
      const { id, owner, sessionKey, verb } = allowed(body, ports)
      const { data } = body
      const claim = { id, owner, publicKey: sessionKey, verb, data, signer, caller }
      return signUnder(claim, ports, async (seal, session) => {
        const request = requestDigestBytes(message)
        const use = { seal, sessionId: session.id, binding: session.token, data, request }
        const answer = await signed.prover.useKey(use)
        ports.onSigned(data.length)
        return answer
      })
    }),
  }
}

/** The token of the request, if it allows what is asked. Throws TokenRefusedError, InvalidFieldError. */
function allowed(
  { token, verb: number, object }: SignBody,
  { checker, clock }: SignMethodPorts,
): SessionToken {
  const verb = VERBS[number]
  if (verb === undefined) {
    throw new InvalidFieldError('body.verb', `is ${number}, which is no verb here`)
  }
  // The request itself is signed, and by whom is asked for: that is the proof here.
  const use = { verb, object, epoch: clock.now(), proof: 'not-asked' } as const
  const verdict = checker.check(token, use)
  if (!verdict.isGood) {
    throw new TokenRefusedError(verdict.reason, verdict.message)
  }
  return verdict.token
}
