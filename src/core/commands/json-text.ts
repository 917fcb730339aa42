/** How deep JSON may be nested, the outermost value counted: as deep as any reader of it can be trusted to go. */
export const MAX_JSON_DEPTH = 64

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING_BRACKET = 0x5b
const CLOSING_BRACKET = 0x5d
const OPENING_BRACE = 0x7b
const CLOSING_BRACE = 0x7d
/** What stands in JSON as it is. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/** Whether JSON text is nested deeper than it may be. Needs no stack, and no valid JSON. */
export function isTooDeep(json: string): boolean {
  // Most texts cannot be, and searching costs much less than reading.
  if (count(json, '{') + count(json, '[') <= MAX_JSON_DEPTH) {
    return false
  }
  // No expression for the strings: on a long one V8 runs out of stack.
  let depth = 0
  let inString = false
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i)
    if (unit === QUOTE) {
      inString = !inString
    } else if (inString) {
      // What is escaped ends no string.
      i += unit === BACKSLASH ? 1 : 0
    } else if (unit === OPENING_BRACKET || unit === OPENING_BRACE) {
      depth++
      if (depth > MAX_JSON_DEPTH) {
        return true
      }
    } else if (unit === CLOSING_BRACKET || unit === CLOSING_BRACE) {
      depth--
    }
  }
  return false
}

/** How often a character occurs, as far as that matters for the depth. */
function count(text: string, char: string): number {
  let found = 0
  for (
    let i = text.indexOf(char);
    i >= 0 && found <= MAX_JSON_DEPTH;
    i = text.indexOf(char, i + 1)
  ) {
    found++
  }
  return found
}

/** A string as JSON text. Few have anything to escape, and `JSON.stringify` takes longer. */
export function jsonString(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** JSON text on one line, digit for digit. Between values alone may line ends and tabs stand as they are. */
export function oneLineJson(json: string | null): string {
  return json === null ? 'null' : json.replace(/[\r\n\t]/g, ' ')
}
