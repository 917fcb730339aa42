import { readText } from '../../core/commands/arguments.js'
import { InvalidFieldError, MissingFieldError } from '../../core/errors.js'

/** The fields of a request's body. An action reads each by its name; what it did not read, it does not know. */
export class Fields {
  private readonly read = new Set<string>()

  constructor(private readonly body: Readonly<Record<string, unknown>>) {}

  /** Throws MissingFieldError, InvalidFieldError. */
  text(name: string): string {
    return this.optionalText(name) ?? missing(name)
  }

  /** undefined if it is absent, null or empty. Throws InvalidFieldError. */
  optionalText(name: string): string | undefined {
    const value = this.value(name)
    return value === undefined || value === '' ? undefined : readText(name, value)
  }

  /** The default if it is absent. Throws InvalidFieldError. */
  oneOf<T extends string>(name: string, allowed: readonly [T, ...T[]]): T {
    const text = this.optionalText(name) ?? allowed[0]
    return (
      allowed.find((one) => one === text) ??
      invalid(name, `must be one of ${allowed.map((one) => JSON.stringify(one)).join(', ')}`)
    )
  }

  /** false if it is absent. Throws InvalidFieldError. */
  flag(name: string): boolean {
    const value = this.value(name) ?? false
    return typeof value === 'boolean' ? value : invalid(name, 'must be true or false')
  }

  /** undefined if it is absent. Throws InvalidFieldError. */
  count(name: string, most: number): number | undefined {
    const value = this.value(name)
    if (value === undefined) {
      return undefined
    }
    const isCount = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most
    return isCount ? (value as number) : invalid(name, `must be a whole number from 1 to ${most}`)
  }

  /** At least one text, each once. Throws MissingFieldError, InvalidFieldError. */
  texts(name: string, most: number): readonly string[] {
    const value = this.value(name) ?? missing(name)
    if (!Array.isArray(value) || value.length < 1 || value.length > most) {
      return invalid(name, `must be a list of 1 to ${most} texts`)
    }
    const texts = value.map((one: unknown) => readText(name, one))
    return new Set(texts).size === texts.length ? texts : invalid(name, 'has a text twice')
  }

  /** Throws InvalidFieldError for a field that was not read. Ignoring a condition would show, or close, more than was asked for. */
  checkAllRead(): void {
    const unknown = Object.keys(this.body).find((name) => !this.read.has(name))
    if (unknown !== undefined) {
      invalid(unknown, `is not known: there are ${[...this.read].join(', ') || 'no fields'}`)
    }
  }

  private value(name: string): unknown {
    this.read.add(name)
    return (Object.hasOwn(this.body, name) ? this.body[name] : undefined) ?? undefined
  }
}

function missing(name: string): never {
  throw new MissingFieldError(name)
}

function invalid(name: string, problem: string): never {
  throw new InvalidFieldError(name, problem)
}
