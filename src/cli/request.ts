import { randomUUID } from 'node:crypto'
import { Command } from 'commander'
import { prepareRequest, requestToJson } from '../client/index.js'
import { type RequestFlags, readRequestFlags, requestOptions } from './flags.js'

/** `sessiond request` */
export function requestCommand(): Command {
  const command = new Command('request').description(
    'Print a signed session.CreateRequest as proto JSON, for grpcurl and the like.',
  )
  for (const option of requestOptions()) {
    command.addOption(option)
  }
  return command
    .addHelpText(
      'after',
      `
Examples:
  $ sessiond request --key owner.key --lifetime 1h \\
      | grpcurl -plaintext -d @ 127.0.0.1:8090 session.Session/Create`,
    )
    .action(async (flags: RequestFlags) => {
      const { request, issueTimeMs, epochs } = await readRequestFlags(flags)
      const idempotencyKey = flags.idempotencyKey ?? randomUUID()
      const { bytes } = prepareRequest({ ...request, idempotencyKey }, epochs, issueTimeMs)
      console.log(JSON.stringify(requestToJson(bytes), null, 2))
    })
}
