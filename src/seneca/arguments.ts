import { InvalidFieldError, MissingFieldError } from '../core/errors.js'
import { readTimeMs } from '../core/time-text.js'
import { isObject } from './json.js'

const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * The arguments of an act, by name. null counts as not given, save for JSON values. Only what is
 * asked for is looked at, so the framework's own keys, which end in `$`, have no effect. Every error
 * names the argument, those of a nested object with its path.
 */
export class Arguments {
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly path = '',
  ) {}

  has(name: string): boolean {
    return this.value(name) !== undefined
  }

  /** Throws InvalidFieldError. */
  text(name: string): string | undefined {
    const value = this.value(name)
    if (value === undefined) {
      return undefined
    }
    if (typeof value !== 'string') {
      throw this.invalid(name, 'must be a text')
    }
    // UTF-8 has no such thing: two texts that differ here would be one in the store.
    if (LONE_SURROGATE.test(value)) {
      throw this.invalid(name, 'has half of a surrogate pair')
    }
    return value
  }

  /** A text that must be given, but may be empty. Throws MissingFieldError, InvalidFieldError. */
  given(name: string): string {
    const value = this.text(name)
    if (value === undefined) {
      throw new MissingFieldError(this.path + name)
    }
    return value
  }

  /** Throws MissingFieldError, also for an empty text, and InvalidFieldError. */
  required(name: string): string {
    const value = this.given(name)
    if (value === '') {
      throw new MissingFieldError(this.path + name)
    }
    return value
  }

  /** Any JSON value, as text; null is one. */
  json(name: string): string | null | undefined {
    if (!Object.hasOwn(this.values, name)) {
      return undefined
    }
    const value = this.values[name]
    return value === null ? null : JSON.stringify(value)
  }

  /** Throws MissingFieldError. */
  requiredJson(name: string): string | null {
    const json = this.json(name)
    if (json === undefined) {
      throw new MissingFieldError(this.path + name)
    }
    return json
  }

  /** Throws InvalidFieldError. */
  flag(name: string): boolean | undefined {
    const value = this.value(name)
    if (value !== undefined && typeof value !== 'boolean') {
      throw this.invalid(name, 'must be true or false')
    }
    return value
  }

  /** Throws InvalidFieldError. */
  count(name: string): number | undefined {
    const value = this.value(name)
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) >= 0)) {
      throw this.invalid(name, 'must be a whole number, 0 or more')
    }
    return value as number | undefined
  }

  /** Unix milliseconds. Throws InvalidFieldError. */
  date(name: string): number | undefined {
    const value = this.value(name)
    return value === undefined ? undefined : readTimeMs(this.path + name, value)
  }

  /** The arguments in an object. Throws InvalidFieldError. */
  object(name: string): Arguments | undefined {
    const value = this.value(name)
    if (value === undefined) {
      return undefined
    }
    if (!isObject(value)) {
      throw this.invalid(name, 'must be an object')
    }
    return new Arguments(value, `${this.path}${name}.`)
  }

  private value(name: string): unknown {
    return Object.hasOwn(this.values, name) ? (this.values[name] ?? undefined) : undefined
  }

  private invalid(name: string, problem: string): InvalidFieldError {
    return new InvalidFieldError(this.path + name, problem)
  }
}
