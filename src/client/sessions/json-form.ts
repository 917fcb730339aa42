import { MalformedError } from '../../core/errors.js'

/** How a client takes `user` and `data` from its program, and gives them to it. */
export interface JsonForm<Json> {
  /** `field`: what the text is of. Throws MalformedError. */
  read(text: string, field: string): Json
  /** JSON text. Throws TypeError where the value is none of JSON's. */
  write(value: Json): string
}

/** As values: what `JSON.parse` makes, and `JSON.stringify` takes. */
export const JSON_VALUES: JsonForm<unknown> = {
  read(text, field) {
    try {
      return JSON.parse(text)
    } catch (error) {
      throw new MalformedError(field, 'is not JSON', error)
    }
  },
  write(value) {
    const text: string | undefined = JSON.stringify(value)
    if (text === undefined) {
      throw new TypeError(`a ${typeof value} is no JSON value`)
    }
    return text
  },
}

/** As the text that the server keeps: numbers that JavaScript would round stay as they are. */
export const JSON_TEXT: JsonForm<string> = { read: (text) => text, write: (text) => text }
