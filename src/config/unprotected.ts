import { isLoopback } from '../net/loopback.js'
import type { Config } from './serve-options.js'

/** Listeners that other machines could reach without protection. Each mistake names the option that allows it. */
export function unprotected(config: Config): string[] {
  const { grpc, http, seneca, tlsCert, tlsClientCa, adminTokenFile, plaintext } = config
  const { feedTokenFile, feedPublic, insecureCommands } = config
  const mistakes: string[] = []
  for (const [option, address] of [['--grpc', grpc] as const, ['--http', http] as const]) {
    const isReached = address !== null && 'host' in address && !isLoopback(address.host)
    if (isReached && tlsCert === null && !plaintext) {
      mistakes.push(
        `${option}: ${address.host} is not a loopback address: give --tls-cert and --tls-key, or, ` +
          'where a proxy in front or a private network protects it, --plaintext yes',
      )
    }
  }
  if ('path' in grpc && tlsClientCa !== null && adminTokenFile === null) {
    mistakes.push(
      '--grpc: nobody can show a client certificate over a Unix socket: give --admin-token-file as well',
    )
  }
  if (http !== null && !isLoopback(http.host) && feedTokenFile === null && !feedPublic) {
    mistakes.push(
      `--http: ${http.host} is not a loopback address, and the session list shows session ids: ` +
        'let viewers show a token with --feed-token FILE, or let anyone watch with --feed-public yes',
    )
  }
  for (const { protocol, host, port } of seneca) {
    if (!isLoopback(host) && !insecureCommands) {
      mistakes.push(
        `--seneca: ${host} (${protocol}, port ${port}) is not a loopback address, and Seneca has no credentials: ` +
          'let callers elsewhere run "sessiond bridge" on their own machine, or let whoever can ' +
          'connect do everything with --insecure-commands yes',
      )
    }
  }
  return mistakes
}
