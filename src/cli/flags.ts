import type { Command, Option } from 'commander'
import {
  type ConnectOptions,
  type PrivateKey,
  privateKeyFromPem,
  publicKeyFromText,
} from '../client/index.js'
import { InputFileError } from '../core/errors.js'
import { readSecretFile } from '../keys/key-files.js'

export function withOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) {
    command.addOption(option)
  }
  return command
}

/** The value of one flag; a mistake is added to the list, and the value is then of no use. */
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
    // Who reads texts of files as well is told what to call this one, and does.
    mistakes.push(error instanceof InputFileError ? message : `${flag}: ${message}`)
    return undefined as T
  }
}

/** What `--server-key` was given; 'any' where it was not. A mistake is added to the list. */
export function parseServerKeys(
  keys: readonly string[] | undefined,
  mistakes: string[],
): ConnectOptions['serverKeys'] {
  const flag = '--server-key'
  const parse = (text: string) => publicKeyFromText(text, flag)
  return keys?.map((key) => parseFlag(flag, key, parse, mistakes)) ?? 'any'
}

/** Reads a key that must be there; `advice` says how to come by one. Throws InputFileError. */
export async function readPrivateKey(file: string, advice: string): Promise<PrivateKey> {
  const pem = await readSecretFile(file)
  if (pem === null) {
    throw new InputFileError(file, `is not there: ${advice}`)
  }
  return privateKeyFromPem(pem, file)
}
