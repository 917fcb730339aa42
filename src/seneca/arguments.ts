import { readText } from '../core/commands/arguments.js'
import { InvalidFieldError, MissingFieldError } from '../core/errors.js'
import { isObject } from './json.js'

/** The arguments of all commands. What else an act has has no effect, but where it might have narrowed a list. */
const NAMES = [
  ...['user_id', 'session_id', 'user_name', 'address', 'client'],
  ...['user', 'data', 'filter', 'paging'],
] as const

/** What finds the command, and what clients add to each. Keys of the framework's own end in `$`. */
const ROUTING: readonly string[] = ['role', 'cmd', 'version', 'correlation_id']

export type ArgumentName = (typeof NAMES)[number]

/**
 * The arguments of an act, by name. Every error names the argument, those of a nested object with its
 * path. null is a value where any JSON is, and an error everywhere else: who sends it meant to say more.
 */
export class Arguments {
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly path = '',
  ) {}

  has(name: string): boolean {
    return this.value(name) !== undefined
  }

  isNull(name: string): boolean {
    return this.value(name) === null
  }

  /** Throws InvalidFieldError where there is an argument of the commands that is none of these. */
  takeOnly(...names: readonly ArgumentName[]): void {
    const other = NAMES.find((name) => this.has(name) && !names.includes(name))
    if (other !== undefined) {
      const others = names.length === 0 ? 'no arguments' : `${names.join(', ')} alone`
      throw this.invalid(other, `is not taken here: this form of the command has ${others}`)
    }
  }

  /** Throws InvalidFieldError where there is a key that no command has: it may be a filter, misspelt. */
  takeNoUnknown(): void {
    const known = [...ROUTING, ...NAMES]
    const other = Object.keys(this.values).find(
      (name) => !known.includes(name) && !name.endsWith('$'),
    )
    if (other !== undefined) {
      throw this.invalid(other, `is unknown: the arguments are ${NAMES.join(', ')}`)
    }
  }

  /** Not empty. Throws InvalidFieldError. */
  text(name: string): string | undefined {
    const value = this.value(name)
    return value === undefined ? undefined : readText(this.path + name, value)
  }

  /** Throws MissingFieldError, also for an empty text, and InvalidFieldError. */
  required(name: string): string {
    const text = this.value(name) === '' ? undefined : this.text(name)
    if (text === undefined) {
      throw new MissingFieldError(this.path + name)
    }
    return text
  }

  /** Any JSON value, as text; null is one. */
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
    if (value !== undefined && !isObject(value)) {
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
