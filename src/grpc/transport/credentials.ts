import { ServerCredentials } from '@grpc/grpc-js'
import type { Tls } from '../../credentials/tls.js'

/** TLS of new connections, as the files say when they come; those that are there go on with theirs. */
export class TlsServerCredentials extends ServerCredentials {
  constructor(tls: Tls) {
    super(tls.asking, tls.current())
    tls.onChange((context) => this.updateSecureContextOptions(context))
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other
  }
}
