import { snakeJson } from '../../core/snake-case.js'

/** Control and formatting characters, which could rewrite other text on a terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Escapes such characters in untrusted text, as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}

/** Escapes such characters in JSON text. It still parses to the same value. */
export function printableJson(json: string): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return json.replace(UNPRINTABLE, (char) => char.split('').map(escaped).join(''))
}

/** A value as JSON text on one line with keys in snake_case, safe to print. No key in it may be data. */
export function jsonLine(value: unknown): string {
  return printableJson(snakeJson(value))
}

export function table(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printable))
  const widths = cells.reduce<number[]>(
    (widest, row) => row.map((cell, i) => Math.max(cell.length, widest[i] ?? 0)),
    [],
  )
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
