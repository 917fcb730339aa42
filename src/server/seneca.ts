import type { Sessions } from '../core/commands/sessions.js'
import { SENECA_LISTENERS } from '../seneca/listeners.js'
import type { ServerContext } from './context.js'

/** Serves the sessions commands to Seneca's clients. Returns the bound addresses. Throws ListenError. */
export async function startSeneca(
  { config, log, metrics, observer, unsent, lifecycle }: ServerContext,
  sessions: Sessions,
): Promise<readonly string[]> {
  const hooks = {
    observer,
    allowsProxies: config.insecureCommands,
    // Any peer can cause this.
    onRefused(reason: string) {
      metrics.senecaPeerRefused()
      log.debug({ event: 'seneca-refused', reason }, 'refused a peer')
    },
    unsent,
    onFailure: (err: unknown) => log.error({ event: 'internal-error', err }, 'an act failed'),
  }
  const addresses: string[] = []
  for (const { protocol, host, port } of config.seneca) {
    const listener = await SENECA_LISTENERS[protocol](host, port, sessions, hooks)
    lifecycle.listens(listener)
    addresses.push(...listener.addresses)
  }
  return addresses
}
