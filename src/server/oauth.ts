import { CredentialError } from '../core/errors.js'
import { bearerToken } from '../core/operators/credential.js'
import type { AdmitOperator } from '../core/operators/trust.js'
import {
  type ResourceServers,
  resourceServerOf,
  watchIntrospectionTokens,
} from '../credentials/introspection-tokens.js'
import { operatorOf } from '../http/access.js'
import type { OauthPorts } from '../http/oauth.js'
import { namesThisMachine } from '../net/request.js'
import { identityJwk } from '../tokens/jwt.js'
import { introspectionAnswer } from '../tokens/oauth.js'
import type { Backend } from './backend.js'
import type { ServerContext } from './context.js'
import type { TokenDesk } from './tokens.js'

const WANTED = 'a token of --introspection-tokens, or the admin credential'

/**
 * What the HTTP port needs for OAuth's tools. `admit`: who is an operator; null where the listener has nothing for
 * operators. Throws InputFileError.
 */
export function oauthPorts(
  context: ServerContext,
  { keys, clock }: Backend,
  desk: TokenDesk,
  admit: AdmitOperator | null,
  hasCredential: boolean,
): OauthPorts {
  const servers = openResourceServers(context)
  return {
    admit(request) {
      const given = bearerToken(request.headers.authorization) ?? ''
      if (resourceServerOf(servers(), given) !== null) {
        return
      }
      // Without any credential, only programs of this machine may ask: no web page, by whatever name it reached us.
      const isOpen = !hasCredential && context.config.introspectionTokensFile === null
      const isForeign = request.headers.origin !== undefined || !namesThisMachine(request)
      if (admit === null || (!hasCredential && !isOpen) || (isOpen && isForeign)) {
        throw new CredentialError(WANTED, { authorization: request.headers.authorization })
      }
      operatorOf(request, admit)
    },
    introspect: async (token) =>
      introspectionAnswer(token, desk.introspection, await desk.issuer(), clock),
    async jwks() {
      const { current, next } = keys.identity
      const identities = next === null ? [current] : [current, next]
      return { keys: await Promise.all(identities.map(identityJwk)) }
    },
    issuer: desk.issuer,
    observer: context.observer,
  }
}

function openResourceServers({ config, log, lifecycle }: ServerContext): () => ResourceServers {
  if (config.introspectionTokensFile === null) {
    const none: ResourceServers = new Map()
    return () => none
  }
  const file = watchIntrospectionTokens(config.introspectionTokensFile, (outcome) => {
    if ('error' in outcome) {
      const reason = (outcome.error as Error).message
      log.error({ event: 'introspection-tokens-not-read', reason }, 'the earlier tokens stay')
    } else {
      const servers = outcome.value.size
      log.info({ event: 'introspection-tokens-read', servers }, 'the tokens were read anew')
    }
  })
  lifecycle.add(() => file.close())
  return () => file.current()
}
