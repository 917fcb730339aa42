import { Option } from 'commander'
import { ConfigError } from '../config/config.js'
import { ownerName, ownerOfText, userIdsNamed } from '../core/owner-text.js'
import { parseFlag } from './flags.js'
import { printable } from './output/printable.js'

/** `what`: which of the user's things the command is for. */
export const userOption = (what: string) =>
  new Option(
    '--user <NAME>',
    `${what}: a user ID, or an owner as plain text, hex:…, base58:… or as sessions show it`,
  )

/** The user ids that the value of `--user` stands for. Throws ConfigError. */
export function readUserFlag(name: string): readonly string[] {
  const mistakes: string[] = []
  const ids = parseFlag('--user', name, (text) => userIdsNamed(text, '--user'), mistakes)
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  return ids
}

/** A user id for people, with the owner's name if it is the text of an owner that has one. */
export function userText(userId: string): string {
  const owner = ownerOfText(userId)
  const name = owner && ownerName(owner)
  return printable(name ? `${userId} (owner ${name})` : userId)
}
