/** A number whose digits a `number` would change, such as an id of 20 digits. */
export class Digits {
  constructor(readonly text: string) {}
}

type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown

const keepDigits: Reviver = (_, value, context) =>
  typeof value === 'number' && context?.source !== undefined && context.source !== String(value)
    ? new Digits(context.source)
    : value

/** Reads a JSON text for a person to see. null: it is no JSON, or nested too deep for the browser. */
export function parseJson(text: string): { readonly value: unknown } | null {
  try {
    // Browsers that do not tell the source of a number show it rounded.
    return { value: JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown) }
  } catch {
    return null
  }
}

/** The parts of a list or an object; null: the value is neither. */
export function entriesOf(value: unknown): (readonly [name: string, value: unknown])[] | null {
  if (value === null || typeof value !== 'object' || value instanceof Digits) {
    return null
  }
  return Object.entries(value)
}

/** A value that has no parts, as text with the kind that tells how to show it. */
export function leafOf(value: unknown): { readonly kind: string; readonly text: string } {
  if (typeof value === 'string') {
    return { kind: 'string', text: value }
  }
  if (value instanceof Digits) {
    return { kind: 'number', text: value.text }
  }
  return { kind: typeof value === 'number' ? 'number' : 'word', text: String(value) }
}
