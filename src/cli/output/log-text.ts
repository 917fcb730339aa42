import { existsSync } from 'node:fs'
import { basename, relative } from 'node:path'
import { VERSION } from '../../config/version.js'
import { printable } from './printable.js'

type Line = Readonly<Record<string, unknown>>

/** A line of the log for people: `09:41:02 warn  tls-expires: the certificate expires soon  file=tls.crt`. */
export function textOf(json: string): string {
  const line: Line = JSON.parse(json)
  if (line.event === 'ready') {
    return readyText(line)
  }
  const { level, time, event, msg, err, ...fields } = line
  const clock = new Date(`${time}`).toTimeString().slice(0, 8)
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${valueText(value)}`)
  const text = [`${clock} ${`${level}`.padEnd(5)} ${event}: ${msg}`, ...facts].join('  ')
  return `${[printable(text), ...errorLines(err)].join('\n')}\n`
}

function valueText(value: unknown): string {
  return typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)
}

/** An error as the log has it, and its causes. */
function errorLines(err: unknown): string[] {
  if (typeof err !== 'object' || err === null) {
    return []
  }
  const { name, code, message, stack, cause } = err as Readonly<Record<string, unknown>>
  const told = [name, code, message].filter((part) => part !== undefined).join(' ')
  const frames = typeof stack === 'string' ? stack.split('\n') : []
  return [`  ${printable(told)}`, ...frames.map((frame) => `    ${frame}`), ...errorLines(cause)]
}

const LABELS = { grpc: 'gRPC', seneca: 'Seneca', http: 'page', server: 'server', data_dir: 'data' }

/** Where a server or a bridge listens, and what to do next. */
function readyText(line: Line): string {
  const rows = Object.entries(LABELS).flatMap(([key, label]) => {
    const value = line[key]
    const texts = (Array.isArray(value) ? value : [value]).filter((text) => text !== undefined)
    return texts.map((text) => `  ${label.padEnd(8)}${printable(`${text}`)}`)
  })
  return [
    `sessiond ${VERSION} is ready.`,
    '',
    ...rows,
    '',
    ...(line.grpc === undefined ? [] : nextCommands(line)),
    'Control-C stops it.',
    '',
    '',
  ].join('\n')
}

function nextCommands({ grpc, http, data_dir: dataDir }: Line): string[] {
  const [, script = ''] = process.argv
  const sessiond = basename(script) === 'main.js' ? `node ${word(nameHere(script))}` : 'sessiond'
  const directory = dataDir === './data' ? '' : ` --data-dir ${word(`${dataDir}`)}`
  const [address] = `${grpc}`.split(',')
  const server = address === '127.0.0.1:8090' ? '' : ` --server ${address}`
  const tls = `${http}`.startsWith('https:') ? ' --tls' : ''
  return [
    'Open a session from another terminal:',
    ...(existsSync('owner.key') ? [] : [`  $ ${sessiond} keygen`]),
    `  $ ${sessiond} create${server}${tls} --server-key "$(${sessiond} identity${directory})"`,
    '',
  ].map(printable)
}

/** The shorter name of a file, from the current directory or from the root. */
function nameHere(path: string): string {
  const fromHere = relative(process.cwd(), path)
  return fromHere.length < path.length ? fromHere : path
}

/** A text as one word of a shell. */
function word(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
