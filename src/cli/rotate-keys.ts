import { hex } from '@scure/base'
import { Command, Option } from 'commander'
import { type AdminClient, reseal, rotateIdentity, rotateSealingKey } from '../client/index.js'
import { type ServerFlags, serverOptions, withAdmin } from './connection/server-connection.js'
import { withOptions } from './flags.js'
import { jsonLine, printable } from './output/printable.js'
import { progressOn } from './output/progress.js'

interface RotateFlags extends ServerFlags {
  readonly reseal?: boolean
  readonly resealOnly?: boolean
  readonly identity?: 'announce' | 'activate'
}

/** `sessiond rotate-keys` */
export function rotateKeysCommand(): Command {
  const command = new Command('rotate-keys')
    .description('Create a new sealing key on a running server, or replace its signing key.')
    .addOption(
      new Option('--reseal', 'then reseal all session keys with the new key').conflicts([
        'resealOnly',
        'identity',
      ]),
    )
    .addOption(
      new Option(
        '--reseal-only',
        'create no key: reseal with the current one, for example after an interruption',
      ).conflicts('identity'),
    )
    .addOption(
      new Option(
        '--identity <STEP>',
        'announce: create the next signing key; activate: start signing with it',
      ).choices(['announce', 'activate']),
    )
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
Old seals still open, because old keys stay in the server's file. With --reseal or --reseal-only, seals that do not open
are left as they are and listed on standard error, and the exit code is then 1.

Examples:
  $ sessiond rotate-keys --reseal
  $ sessiond rotate-keys --identity announce
  $ sessiond rotate-keys --identity activate --json`,
    )
    .action((flags: RotateFlags) =>
      withAdmin(flags, (admin) =>
        flags.identity === undefined
          ? rotateSealing(admin, flags)
          : changeIdentity(admin, flags.identity, flags),
      ),
    )
}

async function rotateSealing(admin: AdminClient, flags: RotateFlags): Promise<void> {
  const key = flags.resealOnly ? null : await rotateSealingKey(admin)
  if (key !== null && !flags.json) {
    console.log(`sealing with the new key ${printable(key)}`)
  }
  const counts = key === null || flags.reseal ? await resealAll(admin) : null
  if (flags.json) {
    console.log(jsonLine({ ...(key !== null && { sealingKey: key }), ...counts }))
  } else if (counts !== null) {
    const { checked, resealed, failed } = counts
    console.log(`sealed ${resealed} of ${checked} again, ${failed} did not open`)
    if (failed === 0) {
      console.log('Only older backups still need the older keys.')
    }
  }
  if (counts !== null && counts.failed > 0) {
    process.exitCode = 1
  }
}

async function resealAll(admin: AdminClient) {
  const progress = progressOn(process.stderr, 'the seals')
  let counts = { checked: 0, resealed: 0, failed: 0 }
  try {
    for await (const { total, newlyFailedIds, ...step } of reseal(admin)) {
      counts = step
      for (const id of newlyFailedIds) {
        progress.clear()
        console.error(`sessiond: the seal of session ${printable(id)} does not open`)
      }
      progress.show(step.checked / total, `${step.resealed} sealed again`)
    }
  } finally {
    progress.clear()
  }
  return counts
}

async function changeIdentity(
  admin: AdminClient,
  step: 'announce' | 'activate',
  { json }: RotateFlags,
): Promise<void> {
  const { identity, nextIdentity } = await rotateIdentity(admin, step)
  const publicKey = hex.encode(identity)
  const nextPublicKey = nextIdentity && hex.encode(nextIdentity)
  if (json) {
    console.log(jsonLine({ publicKey, nextPublicKey }))
    return
  }
  console.log(`signs      ${publicKey}`)
  if (nextPublicKey !== null) {
    console.log(`will sign  ${nextPublicKey}`)
    console.log('Clients should pin both before you activate the second.')
  }
}
