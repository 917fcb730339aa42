import { readText } from '../core/commands/arguments.js'
import { isJsonObject } from '../core/commands/json-text.js'
import { InvalidFieldError, MissingFieldError } from '../core/errors.js'

/** The arguments of all commands. Whatever else an act has is ignored, except where it might have narrowed a list. */
const NAMES = [
  ...['user_id', 'session_id', 'user_name', 'address', 'client'],
  ...['user', 'data', 'filter', 'paging'],
] as const
const ALL: ReadonlySet<string> = new Set(NAMES)

/** Keys that select the command, or that clients add to every act. The framework's own keys end in `$`. */
const ROUTING: ReadonlySet<string> = new Set(['role', 'cmd', 'version', 'correlation_id'])

type ArgumentName = (typeof NAMES)[number]

/** The arguments that one form of a command accepts. */
export type Taken = ReadonlySet<string>

export function taking(...names: readonly ArgumentName[]): Taken {
  return new Set(names)
}

/**
 * The arguments of an act, by name. Every error names the argument, with its path in a nested object. null is a value
 * where any JSON is allowed, and an error elsewhere: its sender meant to restrict the command.
 */
export class Arguments {
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly path = '',
  ) {}

  has(name: string): boolean {
    return this.value(name) !== undefined
  }

  hasAnyOf(names: Taken): boolean {
    for (const name of names) {
      if (this.has(name)) {
        return true
      }
    }
    return false
  }

  isNull(name: string): boolean {
    return this.value(name) === null
  }

  /** Throws InvalidFieldError if the act has an argument that belongs to another form of a command. */
  takeOnly(taken: Taken): void {
    for (const name in this.values) {
      if (ALL.has(name) && !taken.has(name)) {
        const others = taken.size === 0 ? 'no arguments' : `${[...taken].join(', ')} alone`
        throw this.invalid(name, `is not taken here: this form of the command has ${others}`)
      }
    }
  }

  /** Throws InvalidFieldError if the act has a key that no command has. It could be a misspelt filter. */
  takeNoUnknown(): void {
    for (const name in this.values) {
      if (!ALL.has(name) && !ROUTING.has(name) && !name.endsWith('$')) {
        throw this.invalid(name, `is unknown: the arguments are ${NAMES.join(', ')}`)
      }
    }
  }

  /** A text that is not empty. Throws InvalidFieldError. */
  text(name: string): string | undefined {
    const value = this.value(name)
    return value === undefined ? undefined : readText(this.path + name, value)
  }

  /** Throws MissingFieldError if the text is absent or empty, and InvalidFieldError. */
  required(name: string): string {
    const text = this.value(name) === '' ? undefined : this.text(name)
    if (text === undefined) {
      throw new MissingFieldError(this.path + name)
    }
    return text
  }

  /** Any JSON value, as text. null is a value. */
  json(name: string): string | null | undefined {
    const value = this.value(name)
    return value === undefined || value === null ? value : JSON.stringify(value)
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
  object(name: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.value(name)
    if (value !== undefined && !isJsonObject(value)) {
      throw this.invalid(name, 'must be an object')
    }
    return value
  }

  private value(name: string): unknown {
    return Object.hasOwn(this.values, name) ? this.values[name] : undefined
  }

  private invalid(name: string, problem: string): InvalidFieldError {
    return new InvalidFieldError(this.path + name, problem)
  }
}
