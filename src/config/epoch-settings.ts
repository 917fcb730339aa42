import type { EpochSettings } from '../core/epoch.js'
import type { Config } from './serve-options.js'

/** How the configured server counts time. */
export function epochSettings({
  epochGenesisAtMs,
  epochLengthMs,
}: Pick<Config, 'epochGenesisAtMs' | 'epochLengthMs'>): EpochSettings {
  return { genesisAtMs: epochGenesisAtMs, lengthMs: epochLengthMs }
}
