import type { EpochSettings } from '../core/epoch.js'
import type { Config } from './serve-options.js'

/** How the configured server counts time. */
export function epochSettings({
  epochGenesisMs,
  epochLengthMs,
}: Pick<Config, 'epochGenesisMs' | 'epochLengthMs'>): EpochSettings {
  return { genesisMs: epochGenesisMs, lengthMs: epochLengthMs }
}
