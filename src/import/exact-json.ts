import { randomUUID } from 'node:crypto'

/** Before the digits of a number, in a text that stands for it. No file can know it. */
const MARK = `${randomUUID()}:`
const TEXT_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/gs
const MARKED_TEXT = new RegExp(`"${MARK}([^"]*)"`, 'g')

/** A number that JavaScript would write otherwise than it was written, such as one beyond 2^53. */
export class ExactNumber {
  constructor(readonly text: string) {}
}

/** JSON.parse, but for numbers that it would alter: those become ExactNumbers. */
export function parseExactJson(source: string): unknown {
  // First of all: a number in place of a key would become one, once it is marked.
  const value: unknown = JSON.parse(source)
  let isAltered = false
  const marked = source.replace(TEXT_OR_NUMBER, (token) => {
    if (token.startsWith('"') || String(Number(token)) === token) {
      return token
    }
    isAltered = true
    return `"${MARK}${token}"`
  })
  return isAltered ? JSON.parse(marked, revive) : value
}

/** JSON.stringify, with the digits of ExactNumbers as they were. */
export function exactJsonText(value: unknown): string {
  const text = JSON.stringify(value, (_, inner) =>
    inner instanceof ExactNumber ? `${MARK}${inner.text}` : inner,
  )
  return text.includes(MARK) ? text.replace(MARKED_TEXT, '$1') : text
}

function revive(_: string, value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(MARK)
    ? new ExactNumber(value.slice(MARK.length))
    : value
}
