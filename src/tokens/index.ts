/**
 * `sessiond/token`: issues and checks session tokens, in Node and in browsers. It needs no server. docs/tokens.md says
 * what a check proves.
 */
export { SessiondError } from '../core/errors.js'
export type { Lifetime } from '../core/session.js'
export {
  checkToken,
  epochNow,
  type TokenCheckOptions,
  type TokenProof,
  type TokenReason,
  type TokenUse,
  type TokenVerdict,
} from './check.js'
export { TokenChecker, type TokenCheckerOptions } from './checker.js'
export {
  EndedSessions,
  type EndedSessionsOptions,
  type EndingsReason,
  type EndingsVerdict,
} from './endings.js'
export { type HttpRequestToSign, type SignedHeaders, signHttpRequest } from './http-signature.js'
export { issueToken, type TokenOptions, type TokenSession, type TokenSigner } from './issue.js'
export {
  type ObjectAddress,
  type SessionToken,
  tokenFromText,
  tokenToText,
  VERBS,
  type Verb,
} from './token.js'
export type { EndedSession } from './watch-message.js'
