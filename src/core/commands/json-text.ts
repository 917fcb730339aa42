/** How deep JSON may be nested, the outermost value counted: as deep as any reader of it can be trusted to go. */
export const MAX_JSON_DEPTH = 64

const QUOTE = 0x22
const OPENING_BRACKET = 0x5b
const BACKSLASH = 0x5c
const CLOSING_BRACKET = 0x5d
const OPENING_BRACE = 0x7b
const CLOSING_BRACE = 0x7d

/** Whether JSON in UTF-8 is nested deeper than it may be. Needs no stack, and no valid JSON. */
export function isTooDeep(json: Uint8Array): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]
    if (byte === QUOTE) {
      inString = !inString
    } else if (inString) {
      // An escaped quote ends no string.
      i += byte === BACKSLASH ? 1 : 0
    } else if (byte === OPENING_BRACKET || byte === OPENING_BRACE) {
      depth++
      if (depth > MAX_JSON_DEPTH) {
        return true
      }
    } else if (byte === CLOSING_BRACKET || byte === CLOSING_BRACE) {
      depth--
    }
  }
  return false
}

/** The same of JSON text. */
export function isTextTooDeep(json: string): boolean {
  // Most texts cannot be too deep, and counting costs less than encoding.
  return mayBeTooDeep(json) && isTooDeep(new TextEncoder().encode(json))
}

function mayBeTooDeep(json: string): boolean {
  if (json.length <= MAX_JSON_DEPTH) {
    return false
  }
  let opening = 0
  for (let i = 0; i < json.length && opening <= MAX_JSON_DEPTH; i++) {
    const unit = json.charCodeAt(i)
    opening += unit === OPENING_BRACKET || unit === OPENING_BRACE ? 1 : 0
  }
  return opening > MAX_JSON_DEPTH
}

/** JSON text on one line, digit for digit. Between values alone may line ends and tabs stand as they are. */
export function oneLineJson(json: string | null): string {
  return json === null ? 'null' : json.replace(/[\r\n\t]/g, ' ')
}
