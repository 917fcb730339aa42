import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** Answers with a line of text, which nobody may keep. */
export function sayText(response: ServerResponse, status: number, text: string): void {
  say(response, status, 'text/plain; charset=utf-8', text)
}

/** Answers with JSON, which nobody may keep. */
export function sayJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: OutgoingHttpHeaders = {},
): void {
  say(response, status, 'application/json', JSON.stringify(body), headers)
}

function say(
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers: OutgoingHttpHeaders = {},
): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  })
  response.end(`${text}\n`)
}
