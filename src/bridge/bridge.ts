import { status } from '@grpc/grpc-js'
import { type ConnectOptions, connect, RefusedError, SessionsClient } from '../client/index.js'
import { JSON_TEXT } from '../client/sessions/json-form.js'
import type { SenecaAddress } from '../config/values.js'
import { InvalidFieldError, MalformedError, ServerUnavailableError } from '../core/errors.js'
import { type CutCalls, Lifecycle } from '../net/lifecycle.js'
import { Unsent } from '../net/unsent.js'
import type { Logger } from '../observability/log.js'
import { observeCalls } from '../observability/observe-calls.js'
import type { SessionCommands } from '../seneca/commands.js'
import { SENECA_LISTENERS } from '../seneca/listeners.js'

/** Codes that refuse the bridge itself, whatever it asked for. */
const BARRING: ReadonlySet<string> = new Set(['CREDENTIAL_REQUIRED', 'FORWARDED', 'RATE_LIMITED'])

/** How long acts in progress may take once the bridge is told to stop. */
export const BRIDGE_GRACE_MS = 10_000

/** How long a sweep may take: longer than any other act, since it ends all that is due. */
const SWEEP_DEADLINE_MS = 10 * 60_000

/** Serves Seneca's wire on this machine for a server elsewhere. */
export interface Bridge {
  /** Every address it listens on, with its real port: `tcp://HOST:PORT` or `http://HOST:PORT`. */
  readonly addresses: readonly string[]
  /** Waits for acts in progress, unless `force` is aborted. Returns what it cut. */
  close(force?: AbortSignal): Promise<CutCalls>
}

/**
 * Starts a bridge. The server need not run yet: while it is away, every act gets SERVER_UNAVAILABLE. `server` is
 * `HOST:PORT` or `unix:PATH`. Throws ListenError, UnprotectedTokenError.
 */
export async function startBridge(
  server: string,
  options: Omit<ConnectOptions, 'serverKeys'>,
  listen: readonly SenecaAddress[],
  log: Logger,
): Promise<Bridge> {
  const lifecycle = new Lifecycle()
  const connection = connect(server, { ...options, serverKeys: 'any' })
  lifecycle.add(() => connection.close())
  const commands = remoteCommands(new SessionsClient(connection, {}, JSON_TEXT), reachLog(log))
  const unsent = new Unsent((limit, peer) =>
    log.info({ event: 'limited', limit, peer }, 'cut off a peer'),
  )
  lifecycle.add(unsent.start())
  const hooks = {
    observer: observeCalls(log),
    unsent,
    onRefused: (reason: string) => log.debug({ event: 'seneca-refused', reason }, 'refused a peer'),
    onFailure: (err: unknown) => log.error({ event: 'internal-error', err }, 'an act failed'),
  }
  try {
    const addresses: string[] = []
    for (const { protocol, host, port } of listen) {
      const listener = await SENECA_LISTENERS[protocol](host, port, commands, hooks)
      lifecycle.listens(listener)
      addresses.push(...listener.addresses)
    }
    return { addresses, close: (force) => lifecycle.close(BRIDGE_GRACE_MS, force) }
  } catch (error) {
    await lifecycle.close(0)
    throw error
  }
}

/** Commands with `user` or `data`: if such a call is too large, they are. */
const CARRYING: ReadonlySet<string> = new Set(['open', 'storeData', 'updateUser'])

/** The commands of the server that `client` calls. `onOutcome` gets each call's error, or undefined. */
export function remoteCommands(
  client: SessionsClient<string>,
  onOutcome: (failure: unknown) => void,
): SessionCommands {
  const ask = async <T>(command: keyof SessionCommands, answer: Promise<T>) => {
    try {
      const result = await answer
      onOutcome(undefined)
      return result
    } catch (caught) {
      const error = explained(caught, command, client.address)
      onOutcome(error)
      throw error
    }
  }
  // The server names the bridge as the caller.
  return {
    open: (args) => ask('open', client.open(args)),
    get: (id) => ask('get', client.get(id)),
    load: (userId, id) => ask('load', client.load(userId, id)),
    list: (args, signal) => ask('list', client.list({ ...args, signal })),
    storeData: (id, data, of) => ask('storeData', client.storeData(id, data, of)),
    updateUser: (id, user) => ask('updateUser', client.updateUser(id, user)),
    close: (id) => ask('close', client.close(id)),
    closeOpened: (...place) => ask('closeOpened', client.closeOpened(place[0], place[1], place[2])),
    delete: (id, of) => ask('delete', client.delete(id, of)),
    closeExpired: () => ask('closeExpired', client.closeExpired({ deadlineMs: SWEEP_DEADLINE_MS })),
  }
}

/** What a refusal by the server means for the bridge's caller. */
function explained(error: unknown, command: string, server: string): unknown {
  if (!(error instanceof RefusedError)) {
    return error
  }
  if (isTooLarge(error)) {
    return CARRYING.has(command)
      ? new InvalidFieldError('data', 'and user are together larger than the server takes')
      : new MalformedError('arguments', 'are together larger than the server takes')
  }
  // The bridge's caller cannot mend this: to it the server is away.
  return BARRING.has(error.code)
    ? new ServerUnavailableError(server, `refuses the bridge: ${error.message}`, error)
    : error
}

/** gRPC itself refuses an overlong message, with this text and no code of its own. */
function isTooLarge({ grpcCode, message }: RefusedError): boolean {
  return (
    grpcCode === status.RESOURCE_EXHAUSTED &&
    /^Received message (?:larger|that decompresses)/.test(message)
  )
}

/** Logs once that the server is away, and once that it is back. */
function reachLog(log: Logger): (failure: unknown) => void {
  let isAway = false
  return (failure) => {
    if (failure instanceof ServerUnavailableError !== isAway) {
      isAway = !isAway
      if (failure instanceof ServerUnavailableError) {
        log.warn({ event: 'server-away', reason: failure.message }, 'acts are refused meanwhile')
      } else {
        log.info({ event: 'server-back' }, 'acts are served again')
      }
    }
  }
}
