import type { IncomingMessage, ServerResponse } from 'node:http'
import { checkReader, checkViewer, type FeedAccess, listedOrigin, type Refusal } from './access.js'
import { sayJson, sayText } from './respond.js'

/** The path that viewers connect to. */
export const LIST_PATH = '/session-list'
const ACCESS_PATH = `${LIST_PATH}/access`
const HISTORY_PATH = `${LIST_PATH}/history`

/** What viewers are told beside the list: docs/protocols/operator.md. */
export interface ViewingPorts {
  /** The server's version. */
  readonly version: string
  /** Whether operators can show the admin token, or a client certificate. */
  readonly operators: { readonly adminToken: boolean; readonly clientCertificates: boolean }
  /** The last hour, as JSON. */
  readonly history: () => Promise<object>
}

/** Whether a path belongs to the session list. */
export function isViewingPath(path: string): boolean {
  return path === LIST_PATH || path === ACCESS_PATH || path === HISTORY_PATH
}

/** Answers GET of these paths. */
export async function answerViewing(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  access: FeedAccess,
  { version, operators, history }: ViewingPorts,
): Promise<void> {
  const refusal = path === ACCESS_PATH ? checkReader(request, access) : checkViewer(request, access)
  letRead(request, response, access)
  if (path === LIST_PATH) {
    // A browser does not tell a page how an upgrade was answered. The page asks here why it was refused.
    response.setHeader('Upgrade', 'websocket')
    sayText(response, refusal?.status ?? 426, refusal?.reason ?? 'the session list is a WebSocket')
  } else if (refusal !== null) {
    refuse(response, refusal)
  } else if (path === ACCESS_PATH) {
    sayJson(response, 200, {
      version,
      feed_token: access.token !== undefined,
      admin_token: operators.adminToken,
      client_certificates: operators.clientCertificates,
    })
  } else {
    sayJson(response, 200, await history())
  }
}

/** Lets a page of `--feed-origin` read the answer. */
function letRead(request: IncomingMessage, response: ServerResponse, access: FeedAccess): void {
  const origin = listedOrigin(request, access)
  if (origin !== undefined) {
    response.setHeader('Access-Control-Allow-Origin', origin)
    response.setHeader('Vary', 'Origin')
  }
}

function refuse(response: ServerResponse, { status, reason }: Refusal): void {
  if (status === 401) {
    response.setHeader('WWW-Authenticate', 'Bearer')
  }
  sayText(response, status, reason)
}
