/** How many levels JSON may have, the outermost value counted: no more than any reader can take. */
export const MAX_JSON_DEPTH = 64

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING_BRACKET = 0x5b
const CLOSING_BRACKET = 0x5d
const OPENING_BRACE = 0x7b
const CLOSING_BRACE = 0x7d
/** A string that JSON need not escape. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/** Whether JSON text is nested too deep. Uses no recursion, and takes invalid JSON too. */
export function isTooDeep(json: string): boolean {
  // Most texts have too few brackets to be, and counting those is much cheaper.
  if (count(json, '{') + count(json, '[') <= MAX_JSON_DEPTH) {
    return false
  }
  // No regular expression for the strings: V8 runs out of stack on long ones.
  let depth = 0
  let inString = false
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i)
    if (unit === QUOTE) {
      inString = !inString
    } else if (inString) {
      // An escaped quote does not end the string.
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

/** Counts a character, but no further than matters for the depth. */
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

/** A string as JSON text. Few need escapes, and `JSON.stringify` is slower. */
export function jsonString(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** Puts JSON text on one line, and keeps every digit. Line ends and tabs can only stand between values. */
export function oneLineJson(json: string | null): string {
  if (json === null) {
    return 'null'
  }
  // Most texts have none, and looking for each costs much less than looking for any of them.
  const isOneLine = !(json.includes('\n') || json.includes('\r') || json.includes('\t'))
  return isOneLine ? json : json.replace(/[\r\n\t]/g, ' ')
}

/** Whether a value is a JSON object: neither null nor an array. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
