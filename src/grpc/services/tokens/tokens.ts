import type { CallObserver } from '../../../core/calls.js'
import type { GrpcService } from '../../pipeline/contracts.js'
import { grpcService } from '../../pipeline/pipeline.js'
import { type BindPorts, bindMethods } from './bind.js'
import { type IntrospectPorts, introspectMethods } from './introspect.js'
import { type JwtPorts, jwtMethods } from './jwt.js'
import type { LiveEndings } from './live-endings.js'
import { manageMethods } from './manage.js'
import { type SignMethodPorts, signMethods } from './sign.js'
import type { SignedPorts } from './signed.js'
import { type WatchPorts, watchMethods } from './watch.js'

export type TokensServicePorts = BindPorts &
  IntrospectPorts &
  SignMethodPorts &
  JwtPorts &
  WatchPorts

/** `sessiond.v1.Tokens`: acts under sessions, proves them to others, and ends them. One file a group of methods. */
export function tokensService(
  ports: TokensServicePorts,
  signed: SignedPorts,
  live: LiveEndings,
  observer: CallObserver,
): GrpcService {
  const methods = {
    ...bindMethods(ports, signed),
    ...introspectMethods(ports, signed),
    ...manageMethods(ports, signed),
    ...signMethods(ports, signed),
    ...jwtMethods(ports, signed),
    ...watchMethods(ports, live, signed),
  }
  return grpcService('sessiond.v1.Tokens', methods, { observer })
}
