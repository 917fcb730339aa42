import { hex } from '@scure/base'
import { Command, Option } from 'commander'
import {
  generateKey,
  ownerIdOf,
  type PrivateKey,
  privateKeyToPem,
  publicKeyOf,
} from '../client/index.js'
import { ownerText } from '../core/owner-text.js'
import { isDescriptor, STDOUT } from '../files/descriptors.js'
import { writeSecretFile } from '../keys/key-files.js'
import { jsonLine } from './output/printable.js'

/** `sessiond keygen` */
export function keygenCommand(): Command {
  return new Command('keygen')
    .description("Generate an owner's long-term key. Never overwrites a file.")
    .addOption(
      new Option('--type <TYPE>', 'key type: ed25519, or p256 for an N3 account')
        .choices(['ed25519', 'p256'])
        .default('ed25519'),
    )
    .option('--out <FILE>', 'file for the private key (PKCS#8 PEM, mode 0600)', 'owner.key')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ sessiond keygen
  $ sessiond keygen --type p256 --out n3.key

Print the public key with OpenSSL:
  $ openssl pkey -in owner.key -pubout`,
    )
    .action(async (flags: { type: PrivateKey['type']; out: string; json?: boolean }) => {
      const key = generateKey(flags.type)
      await writeSecretFile(flags.out, privateKeyToPem(key))
      const made = {
        file: flags.out,
        type: key.type,
        publicKey: hex.encode(publicKeyOf(key)),
        owner: ownerText(ownerIdOf(key)),
      }
      const say = isDescriptor(flags.out, STDOUT) ? console.error : console.log
      say(
        flags.json
          ? jsonLine(made)
          : `wrote ${made.file}\npublic key  ${made.publicKey}\nowner id    ${made.owner} (base58)`,
      )
    })
}
