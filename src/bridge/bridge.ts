import { status } from '@grpc/grpc-js'
import { type ConnectOptions, connect, RefusedError, SessionsClient } from '../client/index.js'
import type { SenecaAddress } from '../config/values.js'
import { InvalidFieldError, MalformedError, ServerUnavailableError } from '../core/errors.js'
import { type CutCalls, Lifecycle } from '../net/lifecycle.js'
import { Unsent } from '../net/unsent.js'
import type { Logger } from '../observability/log.js'
import { observeCalls } from '../observability/observe-calls.js'
import type { SessionCommands } from '../seneca/commands.js'
import { SENECA_LISTENERS } from '../seneca/listeners.js'

/** Refusals of the bridge itself, whatever it asked for. */
const BARRING: ReadonlySet<string> = new Set(['CREDENTIAL_REQUIRED', 'FORWARDED', 'RATE_LIMITED'])

/** How long acts under way may take once the bridge is told to stop. */
export const BRIDGE_GRACE_MS = 10_000

/** Seneca's wire here, the sessions of a server elsewhere. */
export interface Bridge {
  /** Where each listener really is, `tcp://HOST:PORT` or `http://HOST:PORT`. */
  readonly addresses: readonly string[]
  /** Lets acts under way finish, unless `force` is aborted. Returns what was cut. */
  close(force?: AbortSignal): Promise<CutCalls>
}

/**
 * Starts before the server does, and outlives it: while it is away every act is answered with
 * SERVER_UNAVAILABLE. `server` is `HOST:PORT` or `unix:PATH`. Throws ListenError, UnprotectedTokenError.
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
  const commands = remoteCommands(new SessionsClient(connection), reachLog(log))
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

/** Commands that bring `user` or `data`: what is too large is those. */
const CARRYING: ReadonlySet<string | symbol> = new Set(['open', 'storeData', 'updateUser'])

/** The use cases of the server that `client` asks. `onOutcome` is told of each call's failure, or of none. */
export function remoteCommands(
  client: SessionsClient,
  onOutcome: (failure: unknown) => void,
): SessionCommands {
  const ask = async (command: string | symbol, answer: Promise<unknown>) => {
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
  // The SDK has a method of the same name for each command: one wrapper does for all.
  return new Proxy<SessionCommands>(client, {
    get:
      (_, command) =>
      (...args: unknown[]) =>
        ask(command, Reflect.apply(Reflect.get(client, command), client, args)),
  })
}

/** What a refusal by the server means for whoever called the bridge. */
function explained(error: unknown, command: string | symbol, server: string): unknown {
  if (!(error instanceof RefusedError)) {
    return error
  }
  if (isTooLarge(error)) {
    return CARRYING.has(command)
      ? new InvalidFieldError('data', 'and user are together larger than the server takes')
      : new MalformedError('arguments', 'are together larger than the server takes')
  }
  // No caller of the bridge can mend that: the server is as good as away.
  return BARRING.has(error.code)
    ? new ServerUnavailableError(server, `refuses the bridge: ${error.message}`, error)
    : error
}

/** gRPC itself refuses such a message, and tells nothing but this. */
function isTooLarge({ grpcCode, message }: RefusedError): boolean {
  return (
    grpcCode === status.RESOURCE_EXHAUSTED &&
    /^Received message (?:larger|that decompresses)/.test(message)
  )
}

/** Tells once that the server is away, and once that it is back. */
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
