import { randomUUID } from 'node:crypto'

/** Marks a string that stands for a number. Random, so that no file contains it. */
const MARK = `${randomUUID()}:`
const NUMBER = /-?\d[\d.eE+-]*/y
const QUOTE = 0x22
const BACKSLASH = 0x5c
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const MARKED_TEXT = new RegExp(`"${MARK}([^"]*)"`, 'g')

/** A number that JavaScript cannot reproduce as written, such as one beyond 2^53. */
export class ExactNumber {
  constructor(readonly text: string) {}
}

/** JSON.parse, with an ExactNumber for each number that JSON.parse would alter. */
export function parseExactJson(source: string): unknown {
  // First of all: a number in place of a key would become one, once it is marked.
  const value: unknown = JSON.parse(source)
  const marked = markNumbers(source)
  return marked === source ? value : JSON.parse(marked, revive)
}

/** JSON.stringify, with the original digits of ExactNumbers. */
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

/**
 * Replaces each number that JavaScript would alter by a marked string. It skips strings by hand: a regular expression
 * overflows V8's stack on a long one.
 */
function markNumbers(source: string): string {
  let marked = ''
  let copied = 0
  for (let i = 0; i < source.length; i++) {
    const unit = source.charCodeAt(i)
    if (unit === QUOTE) {
      i = endOfText(source, i)
    } else if (unit === MINUS || (unit >= ZERO && unit <= NINE)) {
      NUMBER.lastIndex = i
      const [token] = NUMBER.exec(source) as RegExpExecArray
      if (String(Number(token)) !== token) {
        marked += `${source.slice(copied, i)}"${MARK}${token}"`
        copied = i + token.length
      }
      i += token.length - 1
    }
  }
  return marked + source.slice(copied)
}

/** The index of the closing quote of the string that begins at `start`. */
function endOfText(source: string, start: number): number {
  let i = start + 1
  for (let unit = source.charCodeAt(i); unit !== QUOTE; unit = source.charCodeAt(i)) {
    i += unit === BACKSLASH ? 2 : 1
  }
  return i
}
