import { readTcpAddress, type TcpAddress } from '../../../net/address.js'

const DEFAULT_PORT = 6379

/** Where a store begins to look for the engine: what `--store` says. */
export interface EngineAddress {
  /** Nodes to ask for the others. */
  readonly seeds: readonly TcpAddress[]
  /** The ACL user; null: the default user. */
  readonly user: string | null
  readonly isTls: boolean
}

/** The kinds of `--store` that are an engine's, and whether they use TLS. Valkey and Redis are talked to alike. */
const IS_TLS: Readonly<Record<string, boolean>> = {
  valkey: false,
  valkeys: true,
  redis: false,
  rediss: true,
}

/**
 * Reads what follows `valkey:` and the like: `//HOST:PORT,HOST:PORT` or `//USER@HOST:PORT`. Throws an Error that says what
 * a correct one looks like. It never quotes the text, which may contain a password by mistake.
 */
export function readEngineAddress(kind: string, text: string): EngineAddress {
  const [, user = null, hosts] = /^\/\/(?:([^@/:,]+)@)?([^@/]+)\/?$/.exec(text) ?? []
  if (hosts === undefined) {
    throw new Error(
      /^\/\/[^@]*:[^@]*@/.test(text)
        ? 'the address must not contain a password: put it into a file, for --store-password'
        : `the address must be ${kind}://HOST:PORT,HOST:PORT or ${kind}://USER@HOST:PORT`,
    )
  }
  return { seeds: hosts.split(',').map(readNode), user, isTls: IS_TLS[kind] === true }
}

function readNode(text: string): TcpAddress {
  const address = readTcpAddress(/:\d+$/.test(text) ? text : `${text}:${DEFAULT_PORT}`)
  if (address === null || address.port === 0) {
    throw new Error(`"${text}" is not HOST:PORT such as 10.0.0.1:6379 or [::1]:6379`)
  }
  return address
}
