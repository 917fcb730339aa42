import { type Command, Option } from 'commander'
import {
  type ConnectOptions,
  type PrivateKey,
  privateKeyFromPem,
  publicKeyFromText,
} from '../client/index.js'
import { durationMs, timeMs } from '../config/values.js'
import type { EpochSettings } from '../core/epoch.js'
import { InputFileError } from '../core/errors.js'
import { readSecretFile } from '../keys/key-files.js'
import { CLIENT_VARIABLES } from './connection/client-variables.js'

export function withOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) {
    command.addOption(option)
  }
  return command
}

/** Parses the value of one flag. Adds a mistake to the list; the returned value is then meaningless. */
export function parseFlag<T>(
  flag: string,
  text: string,
  parse: (text: string) => T,
  mistakes: string[],
): T {
  try {
    return parse(text)
  } catch (error) {
    const { message } = error as Error
    // InputFileError already names the flag.
    mistakes.push(error instanceof InputFileError ? message : `${flag}: ${message}`)
    return undefined as T
  }
}

export const ownerKeyOption = () =>
  new Option(
    '--key <FILE>',
    "the owner's private key: PEM, OpenSSH's format or a JSON Web Key",
  ).default('owner.key')

/** How the server counts epochs. */
export const epochOptions = () => [
  new Option('--epoch-genesis <TIME>', "the server's --epoch-genesis").default('0'),
  new Option('--epoch-length <DURATION>', "the server's --epoch-length").default('1s'),
]

export interface EpochFlags {
  readonly epochGenesis: string
  readonly epochLength: string
}

/** Reads the values of `epochOptions`. Adds mistakes to the list. */
export function readEpochFlags(flags: EpochFlags, mistakes: string[]): EpochSettings {
  return {
    genesisAtMs: parseFlag('--epoch-genesis', flags.epochGenesis, timeMs, mistakes),
    lengthMs: parseFlag('--epoch-length', flags.epochLength, durationMs, mistakes),
  }
}

export const serverKeyOption = (description: string) =>
  new Option('--server-key <KEY...>', description).env(CLIENT_VARIABLES.serverKey)

/** Parses `--server-key`; 'any' if it was not given. Adds mistakes to the list. */
export function parseServerKeys(
  keys: readonly string[] | undefined,
  mistakes: string[],
): ConnectOptions['serverKeys'] {
  const flag = '--server-key'
  const parse = (text: string) => publicKeyFromText(text, flag)
  // A variable holds several as one text.
  const all = keys?.flatMap((text) => text.split(/[\s,]+/))
  return all?.map((key) => parseFlag(flag, key, parse, mistakes)) ?? 'any'
}

/** Reads a private key that must exist; `advice` tells how to get one. Throws InputFileError. */
export async function readPrivateKey(file: string, advice: string): Promise<PrivateKey> {
  const pem = await readSecretFile(file)
  if (pem === null) {
    throw new InputFileError(file, `is not there: ${advice}`)
  }
  return privateKeyFromPem(pem, file)
}
