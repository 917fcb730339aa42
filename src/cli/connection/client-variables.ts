/** The variables that commands which ask a server read, by the option that each stands for. docs/options.md lists them. */
export const CLIENT_VARIABLES = {
  server: 'SESSIOND_SERVER',
  serverKey: 'SESSIOND_SERVER_KEY',
  tls: 'SESSIOND_TLS',
  tlsCa: 'SESSIOND_TLS_CA',
  // Not SESSIOND_TLS_CERT: on the server's machine that is the server's own certificate.
  tlsCert: 'SESSIOND_TLS_CLIENT_CERT',
  tlsKey: 'SESSIOND_TLS_CLIENT_KEY',
  adminTokenFile: 'SESSIOND_ADMIN_TOKEN_FILE',
  http: 'SESSIOND_HTTP',
  feedToken: 'SESSIOND_FEED_TOKEN',
} as const

/** What messages call an option with this value: its variable comes first if the value is from there. */
export function nameOf(flag: string, variable: string, value: string): string {
  return process.env[variable] === value ? `${variable} (${flag})` : flag
}
