import { hex } from '@scure/base'
import { Command } from 'commander'
import { type CreatedSession, createSession } from '../client/index.js'
import { durationMs } from '../config/values.js'
import { EpochClock, type EpochSettings } from '../core/epoch.js'
import { ownerText } from '../core/owner-text.js'
import {
  type ConnectionFlags,
  connectByFlags,
  connectionOptions,
  serverOption,
} from './connection/server-connection.js'
import { parseFlag, parseServerKeys, serverKeyOption, withOptions } from './flags.js'
import { jsonLine } from './output/printable.js'
import { instantOrNull } from './output/session-text.js'
import { type RequestFlags, readRequestFlags, requestOptions } from './request.js'

interface CreateFlags extends RequestFlags, ConnectionFlags {
  readonly server: string
  readonly serverKey?: string[]
  readonly deadline: string
  readonly json?: boolean
}

/** `sessiond create` */
export function createCommand(): Command {
  const command = new Command('create')
    .description('Open a session and print its ID and public key.')
    .addOption(serverOption('server address: HOST:PORT or unix:PATH').default('127.0.0.1:8090'))
    .addOption(
      serverKeyOption(
        "the server's public key (hex); several while the server changes keys (default: trust any key)",
      ),
    )
  return withOptions(command, [...requestOptions(), ...connectionOptions()])
    .option('--deadline <DURATION>', 'time limit for the call, retries included', '10s')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ sessiond create --key owner.key --lifetime 1h --server-key "$(sessiond identity)"
  $ sessiond create --key owner.key --idempotency-key login-42 --issued-at "$STARTED"

The second example can be repeated within the server's --max-epoch-drift: it then returns the same session.`,
    )
    .action(create)
}

async function create(flags: CreateFlags): Promise<void> {
  const mistakes: string[] = []
  const deadlineMs = parseFlag('--deadline', flags.deadline, durationMs, mistakes)
  const serverKeys = parseServerKeys(flags.serverKey, mistakes)
  const { request, issueTimeMs, epochs } = await readRequestFlags(flags, mistakes)
  const connection = connectByFlags(flags, { serverKeys, epochs })
  try {
    const session = await createSession(connection, { ...request, issueTimeMs, deadlineMs })
    printCreated(session, epochs, flags.json ?? false)
    if (serverKeys === 'any') {
      const key = hex.encode(session.serverKey)
      console.error(`The server's key was not checked: pin it with --server-key ${key}`)
    }
  } finally {
    connection.close()
  }
}

/** Prints a session that was opened, for people or as JSON. */
export function printCreated(session: CreatedSession, epochs: EpochSettings, json: boolean): void {
  const { exp, nbf, iat } = session.lifetime
  const expires = instantOrNull(new EpochClock(epochs, Date.now).endsAtMs(exp))
  const made = {
    id: session.id,
    publicKey: hex.encode(session.publicKey),
    owner: ownerText(session.owner),
    lifetime: { exp: `${exp}`, nbf: `${nbf}`, iat: `${iat}` },
    expires,
    serverKey: hex.encode(session.serverKey),
  }
  console.log(
    json
      ? jsonLine(made)
      : [
          `session     ${made.id}`,
          `public key  ${made.publicKey}`,
          `owner id    ${made.owner} (base58)`,
          `expires     ${made.expires} (epoch ${exp} is its last)`,
          `server key  ${made.serverKey}`,
        ].join('\n'),
  )
}
