// Each function parses the text of an option, and throws an Error that says what a correct one looks like.

import { NO_TIME, timeMsOf } from '../core/time-text.js'
import {
  type Address,
  addressText,
  readTcpAddress,
  readUnixAddress,
  type TcpAddress,
} from '../net/address.js'

/** The address of a Seneca listener, and which of Seneca's transports it speaks. */
export interface SenecaAddress extends TcpAddress {
  readonly protocol: 'tcp' | 'http'
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/

/** A duration such as `90s`, `5m`, `30d` or `1h30m`. Returns milliseconds. */
export function durationMs(text: string): number {
  const parts = DURATION.test(text) ? [...text.matchAll(/([\d.]+)([a-z]+)/g)] : []
  const ms = parts.reduce((sum, [, n, unit]) => sum + Number(n) * (UNITS_MS[unit ?? ''] ?? 0), 0)
  if (!Number.isSafeInteger(ms) || ms <= 0) {
    throw new Error(`"${text}" is not a duration such as 90s, 5m, 12h, 30d or 1h30m`)
  }
  return ms
}

/** A duration, or `none`. Returns milliseconds; 0 for `none`. */
export function durationOrNoneMs(text: string): number {
  return text === 'none' ? 0 : durationMs(text)
}

/**
 * A timer of Node fires at once when its delay is over 24.8 days; grpc-js adds up to a tenth to the age of a
 * connection.
 */
const MAX_TIMER_DAYS = 20

/** A duration that a timer can wait. Returns milliseconds. */
export function timerMs(text: string): number {
  const ms = durationMs(text)
  if (ms > MAX_TIMER_DAYS * 86_400_000) {
    throw new Error(`"${text}" is longer than ${MAX_TIMER_DAYS}d, the longest that can be waited`)
  }
  return ms
}

/** A duration that a timer can wait, or `none`. Returns milliseconds; 0 for `none`. */
export function timerOrNoneMs(text: string): number {
  return text === 'none' ? 0 : timerMs(text)
}

/** A duration, `none` or `forever`. Returns milliseconds; 0 for `none`, Infinity for `forever`. */
export function waitMs(text: string): number {
  return text === 'forever' ? Number.POSITIVE_INFINITY : durationOrNoneMs(text)
}

/** A whole number, 0 or more. */
export function count(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new Error(`"${text}" is not a whole number`)
  }
  return value
}

/** Within what HTTP/2 settings and Node's 32-bit integers hold. */
const MAX_LIMIT = 2 ** 31 - 1

/** A limit that cannot be switched off: a whole number from 1. */
export function limit(text: string): number {
  const value = count(text)
  if (value < 1 || value > MAX_LIMIT) {
    throw new Error(`"${text}" is not from 1 to ${MAX_LIMIT}`)
  }
  return value
}

/** `HOST:PORT`, an IPv6 host in brackets. */
export function listenAddress(text: string): TcpAddress {
  const address = readTcpAddress(text)
  if (address === null) {
    throw new Error(`"${text}" is not HOST:PORT such as 127.0.0.1:8090 or [::1]:8090`)
  }
  return address
}

/** Linux cuts longer paths of sockets off. */
const MAX_SOCKET_PATH_BYTES = 107

/** A comma-separated list of `HOST:PORT=HOST:PORT`. Returns the second of each by the text of the first. */
export function natMap(text: string): ReadonlyMap<string, TcpAddress> {
  return new Map(
    text.split(',').map((entry) => {
      const [announced = '', reached = '', ...more] = entry.split('=')
      if (more.length > 0) {
        throw new Error(`"${entry}" is not ANNOUNCED=REACHED, both HOST:PORT`)
      }
      return [addressText(listenAddress(announced)), listenAddress(reached)]
    }),
  )
}

/** `HOST:PORT`, or a Unix socket, `unix:PATH`. */
export function grpcAddress(text: string): Address {
  if (!text.startsWith('unix:')) {
    return listenAddress(text)
  }
  const address = readUnixAddress(text)
  if (address === null) {
    throw new Error(
      `"${text}" is not a socket such as unix:sessiond.sock or unix:///run/sessiond.sock`,
    )
  }
  if (Buffer.byteLength(address.path) > MAX_SOCKET_PATH_BYTES) {
    throw new Error(`"${text}" has a path of more than ${MAX_SOCKET_PATH_BYTES} bytes`)
  }
  return address
}

/** The permissions of a file in octal digits, as for `chmod`. */
export function fileMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) {
    throw new Error(`"${text}" is not a mode such as 0600 or 0660`)
  }
  return Number.parseInt(text, 8)
}

/** `HOST:PORT`, or `off`. Returns null for `off`. */
export function listenAddressOrOff(text: string): TcpAddress | null {
  return text === 'off' ? null : listenAddress(text)
}

const PATH = /^(?:\/[\w.~-]+)*\/?$/
const DOTS = /^\.{1,2}$/

/** A path such as `/sessions` or `/a/b`. Returns it without a slash at its end; empty for `/`. */
export function pathPrefix(text: string): string {
  if (!PATH.test(text) || text.split('/').some((name) => DOTS.test(name))) {
    throw new Error(`"${text}" is not a path such as /sessions, of letters, digits and . _ ~ -`)
  }
  return text.replace(/\/$/, '')
}

/** A comma-separated list of origins as browsers send them, such as `https://example.com`. */
export function origins(text: string): readonly string[] {
  return text.split(',').map((origin) => {
    if (!/^https?:/.test(origin) || !URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new Error(
        `"${origin}" is not an origin such as https://example.com or http://localhost:3000`,
      )
    }
    return origin
  })
}

/** `tcp://HOST:PORT` or `http://HOST:PORT`. */
export function senecaAddress(text: string): SenecaAddress {
  const [, protocol, rest] = /^(tcp|http):\/\/(.*)$/.exec(text) ?? []
  if (rest === undefined) {
    throw new Error(
      `"${text}" is not an address such as tcp://127.0.0.1:8807 or http://127.0.0.1:8809`,
    )
  }
  return { protocol: protocol as SenecaAddress['protocol'], ...listenAddress(rest) }
}

/** A comma-separated list of such addresses, or `off`. Returns an empty list for `off`. */
export function senecaAddresses(text: string): SenecaAddress[] {
  return text === 'off' ? [] : text.split(',').map((part) => senecaAddress(part.trim()))
}

/** A time in any form of core/time-text.ts. Returns Unix milliseconds. */
export function timeMs(text: string): number {
  const ms = timeMsOf(text)
  if (ms === undefined) {
    throw new Error(`"${text}" ${NO_TIME}, such as 2026-01-01T00:00:00Z`)
  }
  return ms
}

/** A time, or how long ago it was: `1h` is an hour before `nowMs`. Returns Unix milliseconds. */
export function timeOrAgoMs(text: string, nowMs = Date.now()): number {
  if (DURATION.test(text)) {
    return Math.max(0, nowMs - durationMs(text))
  }
  const ms = timeMsOf(text)
  if (ms === undefined) {
    throw new Error(`"${text}" ${NO_TIME}, nor a duration such as 1h (an hour ago)`)
  }
  return ms
}

/** One of a closed set. */
export function oneOf<const T extends string>(...choices: T[]) {
  const parse = (text: string): T => {
    const value = choices.find((candidate) => candidate === text)
    if (value === undefined) {
      throw new Error(`"${text}" is not one of: ${choices.join(', ')}`)
    }
    return value
  }
  return Object.assign(parse, { choices })
}

const answer = oneOf('yes', 'no')
export const yesOrNo = Object.assign((text: string) => answer(text) === 'yes', {
  choices: answer.choices,
})

/** Any text that is not empty. */
export function text(value: string): string {
  if (value === '') {
    throw new Error('is empty')
  }
  return value
}

/** An origin, with a path or not: `https://HOST`. Without a slash at its end. */
export function httpUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : null
  if (url === null || !/^https?:$/.test(url.protocol) || /[?#]/.test(value) || url.username) {
    throw new Error(`"${value}" is not a URL such as https://sessions.example`)
  }
  return value.replace(/\/+$/, '')
}
