import { Command, Option } from 'commander'
import { connectionProblem } from '../../client/connection/connection-problem.js'
import { type WatchEvent, type WatchedSession, watchSessions } from '../../client/watch.js'
import { ConfigError } from '../../config/config.js'
import { listenAddress, pathPrefix } from '../../config/values.js'
import { VERSION } from '../../config/version.js'
import { readCertificates } from '../../credentials/tls.js'
import { readTokenFile } from '../../credentials/token-file.js'
import { CLIENT_VARIABLES, nameOf } from '../connection/client-variables.js'
import {
  plaintextOption,
  type TlsFlags,
  tlsOptions,
  usesTls,
} from '../connection/server-connection.js'
import { parseFlag, withOptions } from '../flags.js'
import { outputEnded } from '../output/output.js'
import { jsonLine, printable } from '../output/printable.js'
import { watchSocket } from './watch-socket.js'

interface WatchFlags extends TlsFlags {
  readonly http: string
  readonly token?: string
  readonly plaintext?: boolean
  readonly json?: boolean
}

const MARKS = { added: '+', updated: '~', removed: '-' }

/** `sessiond sessions watch` */
export function sessionsWatchCommand(): Command {
  const command = new Command('watch')
    .description('Print each change of the open sessions until SIGTERM or SIGINT.')
    .addOption(
      new Option(
        '--http <HOST:PORT>',
        "address of the server's session list; HOST:PORT/PATH where it runs with --http-path",
      )
        .default('127.0.0.1:8808')
        .env(CLIENT_VARIABLES.http),
    )
    .addOption(
      new Option(
        '--token <FILE>',
        'file with the token of a server that runs with --feed-token',
      ).env(CLIENT_VARIABLES.feedToken),
    )
  return withOptions(command, [...tlsOptions(), plaintextOption()])
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Each line shows the change (+ opened, ~ changed, - ended), the session, its name, its host and its users
(active/joined). Messages about the connection go to standard error. With --json: one event a line.

Examples:
  $ sessiond sessions watch
  $ sessiond sessions watch --http sessions.internal:8808 --tls --token feed.token
  $ sessiond sessions watch --json | jq 'select(.type == "added").session.name'`,
    )
    .action(async (flags: WatchFlags) => {
      const { http, token, json, tlsCa, plaintext } = flags
      const mistakes: string[] = []
      const name = nameOf('--http', CLIENT_VARIABLES.http, http)
      const [address = '', ...path] = http.split('/')
      parseFlag(name, address, listenAddress, mistakes)
      const prefix = parseFlag(name, ['', ...path].join('/') || '/', pathPrefix, mistakes)
      if (mistakes.length > 0) {
        throw new ConfigError(mistakes)
      }
      const scheme = usesTls(flags) ? 'wss' : 'ws'
      const stopped = new AbortController()
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        process.once(signal, () => stopped.abort())
      }
      const watch = watchSessions(`${scheme}://${address}${prefix}/session-list`, {
        WebSocket: watchSocket(tlsCa === undefined ? {} : { ca: readCertificates(tlsCa) }),
        userName: 'sessiond sessions watch',
        version: VERSION,
        signal: AbortSignal.any([stopped.signal, outputEnded]),
        ...(token !== undefined && { token: readTokenFile(token) }),
        ...(plaintext !== undefined && { plaintext }),
      })
      for await (const event of watch) {
        print(event, json ?? false)
      }
    })
}

function print(event: WatchEvent, json: boolean): void {
  if (json) {
    console.log(jsonLine(event))
  } else if ('session' in event) {
    console.log(`${MARKS[event.type]} ${lineOf(event.session)}`)
  } else if (event.type === 'waiting') {
    const problem = connectionProblem(event.reason)
    const reason = problem === undefined ? event.reason : `the server ${problem}`
    console.error(`${printable(reason)}; again in ${event.retryDelayMs} ms`)
  } else if (event.type === 'error') {
    console.error(printable(event.message))
  }
}

function lineOf({ id, name, host, activeUsers, joinedUsers }: WatchedSession): string {
  return [id, name, host.name, `${activeUsers}/${joinedUsers}`].map(printable).join('  ')
}
