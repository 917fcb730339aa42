import type { EpochSettings } from '../core/epoch.js'
import { StoreMismatchError } from '../core/errors.js'

/** Whether a server can have these: what is stored may be damaged. */
export function areEpochs({ genesisAtMs, lengthMs }: EpochSettings): boolean {
  const isGenesisSane = !Number.isNaN(new Date(genesisAtMs).getTime())
  return isGenesisSane && Number.isSafeInteger(lengthMs) && lengthMs >= 1
}

/**
 * Throws StoreMismatchError if the store `name` was made with other epochs than are configured. `orElse`: what else to do about
 * it than to configure those.
 */
export function expectEpochs(
  made: EpochSettings,
  configured: EpochSettings,
  name: string,
  orElse = '',
): void {
  if (made.genesisAtMs !== configured.genesisAtMs || made.lengthMs !== configured.lengthMs) {
    throw new StoreMismatchError(
      `${name} was made with ${epochText(made)}, but ${epochText(configured)} is configured, which would move the end of ` +
        `every session: configure what it was made with${orElse}`,
    )
  }
}

function epochText({ genesisAtMs, lengthMs }: EpochSettings): string {
  return `--epoch-genesis ${new Date(genesisAtMs).toISOString()} and --epoch-length ${lengthMs}ms`
}
