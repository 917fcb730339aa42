import { ConfigError } from '../config/config.js'
import { epochSettings } from '../config/epoch-settings.js'
import type { Config } from '../config/serve-options.js'
import { ExpiryRules } from '../core/endings/expiry-rules.js'
import { EpochClock } from '../core/epoch.js'
import type { TrySeal } from '../core/upkeep/care.js'
import { readSecretFile } from '../keys/key-files.js'
import { sealCheck } from '../keys/seal-check.js'
import { sealingKeysFromJson } from '../keys/sealing-keys.js'
import type { ClosedCheckPorts, StoreEngine } from '../stores/engine.js'

/** A capability of the store. Throws ConfigError if this kind of store lacks it. */
export function capability<Name extends 'check' | 'repair' | 'restore'>(
  engine: StoreEngine,
  name: Name,
): NonNullable<StoreEngine[Name]> {
  const found = engine[name]
  if (found === undefined) {
    throw new ConfigError([`--store: ${engine.location} is of a kind that has no \`${name}\``])
  }
  return found
}

/** The epochs and the expiry rules of this configuration. */
export function dueUnder(
  config: Config,
): Pick<ClosedCheckPorts, 'epochs' | 'dueAtMs' | 'endingDeadline'> {
  const epochs = epochSettings(config)
  const rules = new ExpiryRules(new EpochClock(epochs, Date.now), config)
  return {
    epochs,
    dueAtMs: (session) => rules.dueAtMs(session),
    endingDeadline: (session) => rules.endingDeadline(session),
  }
}

/** Opens seals with the server's keys; null if there is no key file. Throws InputFileError. */
export async function storedSealCheck(file: string): Promise<TrySeal | null> {
  const text = await readSecretFile(file)
  if (text === null) {
    return null
  }
  const keys = sealingKeysFromJson(text, file)
  return sealCheck(() => keys)
}
